#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The switch between guests of tools/net.sh: hands each frame on to the machine
whose Ethernet address it bears, or to all. While this process is stopped the
network is cut; what its socket holds by then comes late.

Usage: switch.py ADDRESS PORT OTHER_PORT...
"""

import socket
import sys

HEADER = 8      # of L2TPv3 over UDP, in front of the frame
MAC = 6
SILENCE = 600   # seconds after which all machines must be gone, and their script with them


def main():
    host, port, *others = sys.argv[1], *map(int, sys.argv[2:])
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((host, port))
    here.settimeout(SILENCE)
    where = {}
    while True:
        try:
            frame, (_, sender) = here.recvfrom(65536)
        except socket.timeout:
            return
        target, source = frame[HEADER:HEADER + MAC], frame[HEADER + MAC:HEADER + 2 * MAC]
        where[source] = sender
        for other in [where[target]] if target in where else others:
            if other != sender:
                here.sendto(frame, (host, other))


main()
