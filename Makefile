# SPDX-License-Identifier: GPL-2.0-only
# For kbuild only; what people type is in GNUmakefile.

obj-$(CONFIG_TMEM)	+= tmem.o zbud.o
obj-$(CONFIG_FRONTSWAP)	+= frontswap.o
obj-$(CONFIG_CLEANCACHE) += cleancache.o

obj-$(CONFIG_ZCACHE)	+= zcache.o
zcache-y		:= zcache-main.o frames.o decay.o compress.o knobs.o
zcache-$(CONFIG_FRONTSWAP) += swap-pages.o
zcache-$(CONFIG_CLEANCACHE) += file-pages.o
zcache-y		+= admission.o costs.o
zcache-$(CONFIG_ZCACHE_WRITEBACK) += writeback.o
zcache-$(CONFIG_ZCACHE_MEMCG) += memcg.o
zcache-$(CONFIG_RAMSTER) += remote.o
zcache-$(CONFIG_DEBUG_FS)	+= debugfs.o
zcache-$(CONFIG_TMEM_DEBUG) += debug.o

obj-$(CONFIG_RAMSTER)	+= ramster/

obj-$(CONFIG_TMEM_KUNIT_TEST)		+= tests/tmem_kunit.o
obj-$(CONFIG_ZBUD_KUNIT_TEST)		+= tests/zbud_kunit.o
obj-$(CONFIG_FRONTSWAP_KUNIT_TEST)	+= tests/frontswap_kunit.o
obj-$(CONFIG_CLEANCACHE_KUNIT_TEST)	+= tests/cleancache_kunit.o
obj-$(CONFIG_ZCACHE_KUNIT_TEST)		+= tests/zcache_kunit.o
obj-$(CONFIG_RAMSTER_KUNIT_TEST)	+= tests/ramster_kunit.o tests/ramster_proto_kunit.o \
					   tests/ramster_store_kunit.o
