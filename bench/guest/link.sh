# shellcheck shell=sh
# Where the guests of a link are; sourced by the first process of either.
# shellcheck disable=SC2034
BORROWER=192.0.2.1
LENDER=192.0.2.2
