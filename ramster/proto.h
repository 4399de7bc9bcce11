/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The messages between borrower and lender. See proto.c for the layout.
 */
#ifndef _MM_TMEM_RAMSTER_PROTO_H
#define _MM_TMEM_RAMSTER_PROTO_H

#include <linux/bits.h>
#include <linux/types.h>

struct xdr_stream;

/* Of the range for users, so registered nowhere. */
#define RAMSTER_PROGRAM		0x2b72616d
#define RAMSTER_VERSION		1
#define RAMSTER_PORT		20612

/* Procedures. 0 is the NULL procedure of any RPC program. */
enum ramster_proc {
	RAMSTER_PROC_NULL,
	RAMSTER_PROC_HELLO,
	RAMSTER_PROC_STORE,
	RAMSTER_PROC_LOAD,
	RAMSTER_PROC_INVALIDATE,
	RAMSTER_PROC_STATUS,
	RAMSTER_PROC_KEEP,
	RAMSTER_NR_PROCS,
};

/**
 * enum ramster_status - how a call ended
 * @RAMSTER_OK: done
 * @RAMSTER_NO_SESSION: the token is not of a session: say HELLO first
 * @RAMSTER_DENIED: this address, or what it has proved, is not enough
 * @RAMSTER_BAD_MESSAGE: out of range or malformed
 * @RAMSTER_BAD_VERSION: no common version or unknown features
 * @RAMSTER_BUSY: no memory for this now
 * @RAMSTER_NR_STATUS: their number
 */
enum ramster_status {
	RAMSTER_OK,
	RAMSTER_NO_SESSION,
	RAMSTER_DENIED,
	RAMSTER_BAD_MESSAGE,
	RAMSTER_BAD_VERSION,
	RAMSTER_BUSY,
	RAMSTER_NR_STATUS,
};

/* Limits, checked on both sides. */
#define RAMSTER_TOKEN_LEN	16
#define RAMSTER_MAX_BATCH	65536	/* bytes of zpages in a message */
#define RAMSTER_MAX_STORE	64	/* zpages in a STORE */
#define RAMSTER_MAX_LOAD	16	/* zpages in a LOAD */
#define RAMSTER_MAX_INVALIDATE	1024	/* numbers in an INVALIDATE */
#define RAMSTER_MAX_SEALED	3584	/* bytes of a sealed zpage */
#define RAMSTER_MAX_NUMBER	(BIT_ULL(52) - 1)
#define RAMSTER_MAX_PAGES	BIT_ULL(40)

/* What may be asked for in HELLO: no feature is defined. */
#define RAMSTER_FEATURES	0U

struct ramster_token {
	u8 bytes[RAMSTER_TOKEN_LEN];
};

/**
 * struct ramster_hello - a borrower introduces itself
 * @version: of these messages
 * @features: bits that it wants; none is defined
 * @epoch: random, new at each boot
 */
struct ramster_hello {
	u32 version;
	u32 features;
	u64 epoch;
};

/**
 * struct ramster_welcome - the answer
 * @status: nothing else is valid unless %RAMSTER_OK
 * @token: of the session, in all further calls
 * @features: bits that both know
 * @epoch: of the lender, random, new each time it starts
 * @quota_pages: what it lends at most, in pages of compressed bytes
 */
struct ramster_welcome {
	enum ramster_status status;
	struct ramster_token token;
	u32 features;
	u64 epoch;
	u64 quota_pages;
};

/**
 * struct ramster_sealed - a zpage in a message
 * @number: its number
 * @data: sealed bytes, in the message; valid until anything else is decoded
 * @len: their number. 0 in the answer to a LOAD: it is not there; a STORE with
 *	such a zpage is malformed.
 */
struct ramster_sealed {
	u64 number;
	const void *data;
	u32 len;
};

/**
 * struct ramster_health - how a lender is, the answer to STATUS
 * @status: nothing else is valid unless %RAMSTER_OK
 * @pages: zpages it has of this session
 * @oldest: all with a number below were dropped, but for those that are kept
 * @room_pages: what it would still take, in pages of compressed bytes
 * @is_short: it is short of memory: push nothing now
 * @recalls: it wants the memory of kept zpages back soon
 * @lost: kept zpages of this session that it has dropped so far
 */
struct ramster_health {
	enum ramster_status status;
	u64 pages;
	u64 oldest;
	u64 room_pages;
	bool is_short;
	bool recalls;
	u64 lost;
};

/*
 * All return 0, or -EBADMSG if what is decoded is malformed or out of range, or
 * -EMSGSIZE if what is encoded does not fit or is out of range.
 */

int ramster_encode_hello(struct xdr_stream *xdr, const struct ramster_hello *hello);
int ramster_decode_hello(struct xdr_stream *xdr, struct ramster_hello *hello);
int ramster_encode_welcome(struct xdr_stream *xdr, const struct ramster_welcome *res);
int ramster_decode_welcome(struct xdr_stream *xdr, struct ramster_welcome *res);

/* STORE, KEEP: token, number of zpages, then each. They are put into a flat buffer. */
int ramster_encode_store(struct xdr_stream *xdr, const struct ramster_token *token,
			 u32 nr);
void *ramster_batch_add(void *buf, unsigned int *used, unsigned int size,
			u64 number, u32 len);
int ramster_decode_store(struct xdr_stream *xdr, struct ramster_token *token, u32 *nr);
int ramster_decode_sealed(struct xdr_stream *xdr, struct ramster_sealed *sealed);
/* Behind the last zpage, in a STORE and in the answer to a LOAD. */
int ramster_decode_end(struct xdr_stream *xdr);
/* The answer: which of them were taken, a bit each. */
int ramster_encode_stored(struct xdr_stream *xdr, enum ramster_status status, u64 taken);
int ramster_decode_stored(struct xdr_stream *xdr, enum ramster_status *status, u64 *taken);

/* LOAD and INVALIDATE: token, and numbers of zpages. */
int ramster_encode_numbers(struct xdr_stream *xdr, const struct ramster_token *token,
			   const u64 *numbers, u32 nr, u32 max);
int ramster_decode_numbers(struct xdr_stream *xdr, struct ramster_token *token,
			   u64 *numbers, u32 *nr, u32 max);
/* The answer to LOAD: a zpage for each number, in their order. */
int ramster_encode_loaded(struct xdr_stream *xdr, enum ramster_status status, u32 nr);
int ramster_encode_sealed(struct xdr_stream *xdr, const struct ramster_sealed *sealed);
int ramster_decode_loaded(struct xdr_stream *xdr, enum ramster_status *status, u32 *nr);

/* STATUS, and the answer to INVALIDATE (a status alone). */
int ramster_encode_token(struct xdr_stream *xdr, const struct ramster_token *token);
int ramster_decode_token(struct xdr_stream *xdr, struct ramster_token *token);
int ramster_encode_status(struct xdr_stream *xdr, enum ramster_status status);
int ramster_decode_status(struct xdr_stream *xdr, enum ramster_status *status);
int ramster_encode_health(struct xdr_stream *xdr, const struct ramster_health *res);
int ramster_decode_health(struct xdr_stream *xdr, struct ramster_health *res);

#endif /* _MM_TMEM_RAMSTER_PROTO_H */
