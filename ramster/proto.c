// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages between borrower and lender, version 1
 *
 * XDR (RFC 4506) in an RPC program with the number %RAMSTER_PROGRAM, version
 * %RAMSTER_VERSION. Everything is big endian and in units of four bytes:
 *
 *	u32	4 bytes
 *	u64	8 bytes
 *	bool	4 bytes, 0 or 1
 *	token	16 bytes: the session, as HELLO granted it
 *	number	u64, 1 to 2^52 - 1: the name of a zpage, never used again
 *	status	u32, enum ramster_status; unless it is %RAMSTER_OK, it is the last
 *		field of its message
 *	sealed	a zpage:
 *		number
 *		u32	length of the bytes, at most 3584
 *		bytes	sealed, so meaningless to everyone but the borrower; then
 *			zeroes up to a multiple of four
 *
 * NULL (0)		nothing; the answer is nothing. As in any RPC program, and
 *			the call in which TLS begins.
 *
 * HELLO (1)		u32	version of these messages, 1. A message of another
 *				version may go on in any way; its reader answers
 *				%RAMSTER_BAD_VERSION.
 *			u32	features that the borrower wants, a bit each
 *			u64	epoch of the borrower, new at each boot
 *   answer		status
 *			token
 *			u32	features that both know
 *			u64	epoch of the lender, new at each start
 *			u64	quota in pages, at most 2^40
 *
 * STORE (2)		token
 *			u32	number of zpages, 1 to 64
 *			sealed	each of them, none of length 0; 64 KiB together
 *   answer		status
 *			u64	which were taken: bit 0 is the first
 *
 * LOAD (3)		token
 *			u32	number of zpages, 1 to 16
 *			number	each of them
 *   answer		status
 *			u32	number of zpages, as in the call
 *			sealed	each of them, in that order; of length 0 if the
 *				lender does not have it any more
 *
 * INVALIDATE (4)	token
 *			u32	number of zpages, 1 to 1024
 *			number	each of them
 *   answer		status
 *
 * STATUS (5)		token
 *   answer		status
 *			u64	zpages of this session, at most 2^52
 *			u64	all with a number below were dropped, at most 2^52;
 *				not those that came with KEEP
 *			u64	room in pages, at most 2^40
 *			bool	the lender is short of memory: push nothing now
 *			bool	it wants the memory of what came with KEEP back:
 *				in 30 seconds it begins to drop it
 *			u64	zpages of this session that came with KEEP, were not
 *				invalidated, and were dropped, at most 2^52
 *
 * KEEP (6)		as STORE; but the lender takes a zpage only if it can keep it,
 *			whatever is stored after it. It drops it when it is asked to,
 *			when the session ends, and in need: and says so in STATUS.
 *   answer		as of STORE
 *
 * Whoever sends these may be broken or hostile. A message is read to its end and
 * must end there; each length, count, number and enumeration is checked before
 * anything is done with it, and what is not defined here is refused. There are
 * no optional fields: a new field is a feature or a new version.
 *
 * These functions know messages only: what a session is, and whether an answer
 * fits its call, is for their callers. They allocate nothing, never sleep and
 * keep nothing, so they run anywhere, in tests and in user space too.
 *
 * A decoder may be asked for a field that lies across two pages of its stream.
 * It comes in one piece only if the stream has a scratch buffer, of
 * RAMSTER_MAX_SEALED bytes: svc_recv() gives one to lenders, borrowers have to
 * set theirs. Without it the message counts as malformed.
 */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/sunrpc/xdr.h>

#include "proto.h"

#define RAMSTER_SEALED_FIELDS	(sizeof(u64) + sizeof(u32))

static bool ramster_number_is_valid(u64 number)
{
	return number && number <= RAMSTER_MAX_NUMBER;
}

static int ramster_get_status(struct xdr_stream *xdr, enum ramster_status *status)
{
	u32 n;

	if (xdr_stream_decode_u32(xdr, &n) || n >= RAMSTER_NR_STATUS)
		return -EBADMSG;
	*status = n;
	return 0;
}

static int ramster_put_status(struct xdr_stream *xdr, enum ramster_status status)
{
	if ((u32)status >= RAMSTER_NR_STATUS ||
	    xdr_stream_encode_u32(xdr, status) < 0)
		return -EMSGSIZE;
	return 0;
}

static int ramster_get_token(struct xdr_stream *xdr, struct ramster_token *token)
{
	const void *p = xdr_inline_decode(xdr, RAMSTER_TOKEN_LEN);

	if (!p)
		return -EBADMSG;
	memcpy(token->bytes, p, RAMSTER_TOKEN_LEN);
	return 0;
}

static int ramster_put_token(struct xdr_stream *xdr, const struct ramster_token *token)
{
	void *p = xdr_reserve_space(xdr, RAMSTER_TOKEN_LEN);

	if (!p)
		return -EMSGSIZE;
	memcpy(p, token->bytes, RAMSTER_TOKEN_LEN);
	return 0;
}

/* A count from 1 to @max, of things that take @each bytes at least. */
static int ramster_get_count(struct xdr_stream *xdr, u32 *nr, u32 max, u32 each)
{
	if (xdr_stream_decode_u32(xdr, nr) || !*nr || *nr > max ||
	    xdr_stream_remaining(xdr) / each < *nr)
		return -EBADMSG;
	return 0;
}

static int ramster_put_count(struct xdr_stream *xdr, u32 nr, u32 max)
{
	if (!nr || nr > max || xdr_stream_encode_u32(xdr, nr) < 0)
		return -EMSGSIZE;
	return 0;
}

/* A u64 of at most @max. */
static int ramster_get_u64(struct xdr_stream *xdr, u64 *n, u64 max)
{
	return xdr_stream_decode_u64(xdr, n) || *n > max ? -EBADMSG : 0;
}

static int ramster_put_u64(struct xdr_stream *xdr, u64 n, u64 max)
{
	return n > max || xdr_stream_encode_u64(xdr, n) < 0 ? -EMSGSIZE : 0;
}

static int ramster_get_bool(struct xdr_stream *xdr, bool *yes)
{
	u32 n;

	if (xdr_stream_decode_u32(xdr, &n) || n > 1)
		return -EBADMSG;
	*yes = n;
	return 0;
}

static int ramster_get_number(struct xdr_stream *xdr, u64 *number)
{
	if (ramster_get_u64(xdr, number, RAMSTER_MAX_NUMBER) || !*number)
		return -EBADMSG;
	return 0;
}

static int ramster_put_number(struct xdr_stream *xdr, u64 number)
{
	return number ? ramster_put_u64(xdr, number, RAMSTER_MAX_NUMBER) : -EMSGSIZE;
}

/**
 * ramster_decode_end() - is this the end of the message?
 * @xdr: where all fields of a message have been decoded
 *
 * The other decoders ask it themselves, where a message ends with them. What is
 * left is for the readers of zpages: they ask behind the last.
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if there is more.
 */
int ramster_decode_end(struct xdr_stream *xdr)
{
	return xdr_stream_remaining(xdr) ? -EBADMSG : 0;
}

/**
 * ramster_encode_hello() - HELLO, the call
 * @xdr: where to
 * @hello: the borrower
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room.
 */
int ramster_encode_hello(struct xdr_stream *xdr, const struct ramster_hello *hello)
{
	if (xdr_stream_encode_u32(xdr, hello->version) < 0 ||
	    xdr_stream_encode_u32(xdr, hello->features) < 0 ||
	    xdr_stream_encode_u64(xdr, hello->epoch) < 0)
		return -EMSGSIZE;
	return 0;
}

/**
 * ramster_decode_hello() - HELLO, the call
 * @xdr: where from
 * @hello: the borrower
 *
 * The caller must refuse versions other than RAMSTER_VERSION, of which nothing
 * else is read, and features that are not in RAMSTER_FEATURES, both with
 * RAMSTER_BAD_VERSION: the borrower is told why.
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_hello(struct xdr_stream *xdr, struct ramster_hello *hello)
{
	*hello = (struct ramster_hello) {};
	if (xdr_stream_decode_u32(xdr, &hello->version))
		return -EBADMSG;
	if (hello->version != RAMSTER_VERSION)
		return 0;
	if (xdr_stream_decode_u32(xdr, &hello->features) ||
	    xdr_stream_decode_u64(xdr, &hello->epoch))
		return -EBADMSG;
	return ramster_decode_end(xdr);
}

/**
 * ramster_encode_welcome() - HELLO, the answer
 * @xdr: where to
 * @res: the answer
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_welcome(struct xdr_stream *xdr, const struct ramster_welcome *res)
{
	int err = ramster_put_status(xdr, res->status);

	if (err || res->status != RAMSTER_OK)
		return err;
	if (res->features & ~RAMSTER_FEATURES ||
	    ramster_put_token(xdr, &res->token) ||
	    xdr_stream_encode_u32(xdr, res->features) < 0 ||
	    xdr_stream_encode_u64(xdr, res->epoch) < 0)
		return -EMSGSIZE;
	return ramster_put_u64(xdr, res->quota_pages, RAMSTER_MAX_PAGES);
}

/**
 * ramster_decode_welcome() - HELLO, the answer
 * @xdr: where from
 * @res: the answer; all but the status is 0 unless that is RAMSTER_OK
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_welcome(struct xdr_stream *xdr, struct ramster_welcome *res)
{
	*res = (struct ramster_welcome) {};
	if (ramster_get_status(xdr, &res->status))
		return -EBADMSG;
	if (res->status != RAMSTER_OK)
		return ramster_decode_end(xdr);
	if (ramster_get_token(xdr, &res->token) ||
	    xdr_stream_decode_u32(xdr, &res->features) ||
	    res->features & ~RAMSTER_FEATURES ||
	    xdr_stream_decode_u64(xdr, &res->epoch) ||
	    ramster_get_u64(xdr, &res->quota_pages, RAMSTER_MAX_PAGES))
		return -EBADMSG;
	return ramster_decode_end(xdr);
}

/**
 * ramster_encode_store() - STORE or KEEP, the call, up to its zpages
 * @xdr: where to
 * @token: the session
 * @nr: number of zpages
 *
 * The zpages follow, as ramster_batch_add() has laid them out.
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or @nr is out of range.
 */
int ramster_encode_store(struct xdr_stream *xdr, const struct ramster_token *token,
			 u32 nr)
{
	if (ramster_put_token(xdr, token))
		return -EMSGSIZE;
	return ramster_put_count(xdr, nr, RAMSTER_MAX_STORE);
}

/**
 * ramster_batch_add() - make room for one more zpage of a STORE or KEEP
 * @buf: the zpages, aligned to four bytes
 * @used: bytes of @buf that are in use; what the zpage takes is added
 * @size: bytes that may be used, RAMSTER_MAX_BATCH at most
 * @number: of the zpage
 * @len: its sealed bytes
 *
 * Context: Any.
 * Return: where its @len bytes go, aligned to four; NULL if it does not fit, or
 * if @number or @len is out of range.
 */
void *ramster_batch_add(void *buf, unsigned int *used, unsigned int size,
			u64 number, u32 len)
{
	__be32 *p = buf + *used;
	size_t bytes;

	if (!ramster_number_is_valid(number) || !len || len > RAMSTER_MAX_SEALED)
		return NULL;
	bytes = RAMSTER_SEALED_FIELDS + xdr_align_size(len);
	if (*used > size || bytes > size - *used)
		return NULL;
	*used += bytes;
	p = xdr_encode_hyper(p, number);
	*p++ = cpu_to_be32(len);
	memset((u8 *)p + len, 0, xdr_pad_size(len));
	return p;
}

/**
 * ramster_decode_store() - STORE or KEEP, the call, up to its zpages
 * @xdr: where from
 * @token: the session
 * @nr: number of zpages
 *
 * The zpages follow: ramster_decode_sealed() for each, then
 * ramster_decode_end().
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_store(struct xdr_stream *xdr, struct ramster_token *token, u32 *nr)
{
	if (ramster_get_token(xdr, token) ||
	    ramster_get_count(xdr, nr, RAMSTER_MAX_STORE, RAMSTER_SEALED_FIELDS) ||
	    xdr_stream_remaining(xdr) > RAMSTER_MAX_BATCH)
		return -EBADMSG;
	return 0;
}

/**
 * ramster_encode_sealed() - a zpage
 * @xdr: where to
 * @sealed: the zpage, not there if its length is 0
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_sealed(struct xdr_stream *xdr, const struct ramster_sealed *sealed)
{
	if (sealed->len > RAMSTER_MAX_SEALED ||
	    ramster_put_number(xdr, sealed->number) ||
	    xdr_stream_encode_opaque(xdr, sealed->data, sealed->len) < 0)
		return -EMSGSIZE;
	/* If it lies across two pages, only now it is put there. */
	xdr_commit_encode(xdr);
	return 0;
}

/**
 * ramster_decode_sealed() - a zpage
 * @xdr: where from
 * @sealed: the zpage. Its data are valid until anything else is decoded, and
 *	NULL if its length is 0; the reader of a STORE must refuse that.
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_sealed(struct xdr_stream *xdr, struct ramster_sealed *sealed)
{
	const u8 *p = NULL;
	u32 i;

	*sealed = (struct ramster_sealed) {};
	if (ramster_get_number(xdr, &sealed->number) ||
	    xdr_stream_decode_u32(xdr, &sealed->len) ||
	    sealed->len > RAMSTER_MAX_SEALED)
		return -EBADMSG;
	if (sealed->len) {
		p = (const u8 *)xdr_inline_decode(xdr, xdr_align_size(sealed->len));
		if (!p)
			return -EBADMSG;
	}
	for (i = sealed->len; i < xdr_align_size(sealed->len); i++)
		if (p[i])
			return -EBADMSG;
	sealed->data = p;
	return 0;
}

/**
 * ramster_encode_stored() - STORE or KEEP, the answer
 * @xdr: where to
 * @status: how it ended
 * @taken: which zpages were taken: bit 0 is the first
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_stored(struct xdr_stream *xdr, enum ramster_status status, u64 taken)
{
	int err = ramster_put_status(xdr, status);

	if (err || status != RAMSTER_OK)
		return err;
	return ramster_put_u64(xdr, taken, U64_MAX);
}

/**
 * ramster_decode_stored() - STORE or KEEP, the answer
 * @xdr: where from
 * @status: how it ended
 * @taken: which zpages were taken: bit 0 is the first; bits of zpages that there
 *	were not may be set. 0 unless @status is RAMSTER_OK.
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_stored(struct xdr_stream *xdr, enum ramster_status *status, u64 *taken)
{
	*taken = 0;
	if (ramster_get_status(xdr, status))
		return -EBADMSG;
	if (*status == RAMSTER_OK && ramster_get_u64(xdr, taken, U64_MAX))
		return -EBADMSG;
	return ramster_decode_end(xdr);
}

/**
 * ramster_encode_numbers() - LOAD or INVALIDATE, the call
 * @xdr: where to
 * @token: the session
 * @numbers: of the zpages
 * @nr: how many
 * @max: RAMSTER_MAX_LOAD or RAMSTER_MAX_INVALIDATE
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_numbers(struct xdr_stream *xdr, const struct ramster_token *token,
			   const u64 *numbers, u32 nr, u32 max)
{
	u32 i;

	if (ramster_put_token(xdr, token) || ramster_put_count(xdr, nr, max))
		return -EMSGSIZE;
	for (i = 0; i < nr; i++)
		if (ramster_put_number(xdr, numbers[i]))
			return -EMSGSIZE;
	return 0;
}

/**
 * ramster_decode_numbers() - LOAD or INVALIDATE, the call
 * @xdr: where from
 * @token: the session
 * @numbers: of the zpages, room for @max
 * @nr: how many
 * @max: RAMSTER_MAX_LOAD or RAMSTER_MAX_INVALIDATE
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_numbers(struct xdr_stream *xdr, struct ramster_token *token,
			   u64 *numbers, u32 *nr, u32 max)
{
	u32 i;

	if (ramster_get_token(xdr, token) ||
	    ramster_get_count(xdr, nr, max, sizeof(*numbers)))
		return -EBADMSG;
	for (i = 0; i < *nr; i++)
		if (ramster_get_number(xdr, &numbers[i]))
			return -EBADMSG;
	return ramster_decode_end(xdr);
}

/**
 * ramster_encode_loaded() - LOAD, the answer, up to its zpages
 * @xdr: where to
 * @status: how it ended
 * @nr: number of zpages that follow, by ramster_encode_sealed(); ignored unless
 *	@status is RAMSTER_OK
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_loaded(struct xdr_stream *xdr, enum ramster_status status, u32 nr)
{
	int err = ramster_put_status(xdr, status);

	if (err || status != RAMSTER_OK)
		return err;
	return ramster_put_count(xdr, nr, RAMSTER_MAX_LOAD);
}

/**
 * ramster_decode_loaded() - LOAD, the answer, up to its zpages
 * @xdr: where from
 * @status: how it ended
 * @nr: number of zpages, 0 unless @status is RAMSTER_OK
 *
 * The zpages follow: ramster_decode_sealed() for each, then
 * ramster_decode_end().
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_loaded(struct xdr_stream *xdr, enum ramster_status *status, u32 *nr)
{
	*nr = 0;
	if (ramster_get_status(xdr, status))
		return -EBADMSG;
	if (*status != RAMSTER_OK)
		return ramster_decode_end(xdr);
	if (ramster_get_count(xdr, nr, RAMSTER_MAX_LOAD, RAMSTER_SEALED_FIELDS) ||
	    xdr_stream_remaining(xdr) > RAMSTER_MAX_BATCH)
		return -EBADMSG;
	return 0;
}

/**
 * ramster_encode_token() - STATUS, the call
 * @xdr: where to
 * @token: the session
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room.
 */
int ramster_encode_token(struct xdr_stream *xdr, const struct ramster_token *token)
{
	return ramster_put_token(xdr, token);
}

/**
 * ramster_decode_token() - STATUS, the call
 * @xdr: where from
 * @token: the session
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_token(struct xdr_stream *xdr, struct ramster_token *token)
{
	return ramster_get_token(xdr, token) ?: ramster_decode_end(xdr);
}

/**
 * ramster_encode_status() - INVALIDATE, the answer
 * @xdr: where to
 * @status: how it ended
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or @status is not known.
 */
int ramster_encode_status(struct xdr_stream *xdr, enum ramster_status status)
{
	return ramster_put_status(xdr, status);
}

/**
 * ramster_decode_status() - INVALIDATE, the answer
 * @xdr: where from
 * @status: how it ended
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_status(struct xdr_stream *xdr, enum ramster_status *status)
{
	return ramster_get_status(xdr, status) ?: ramster_decode_end(xdr);
}

/**
 * ramster_encode_health() - STATUS, the answer
 * @xdr: where to
 * @res: the answer
 *
 * Context: Any.
 * Return: 0, or -EMSGSIZE if there is no room or a value is out of range.
 */
int ramster_encode_health(struct xdr_stream *xdr, const struct ramster_health *res)
{
	int err = ramster_put_status(xdr, res->status);

	if (err || res->status != RAMSTER_OK)
		return err;
	if (ramster_put_u64(xdr, res->pages, RAMSTER_MAX_NUMBER + 1) ||
	    ramster_put_u64(xdr, res->oldest, RAMSTER_MAX_NUMBER + 1) ||
	    ramster_put_u64(xdr, res->room_pages, RAMSTER_MAX_PAGES) ||
	    xdr_stream_encode_u32(xdr, res->is_short) < 0 ||
	    xdr_stream_encode_u32(xdr, res->recalls) < 0)
		return -EMSGSIZE;
	return ramster_put_u64(xdr, res->lost, RAMSTER_MAX_NUMBER + 1);
}

/**
 * ramster_decode_health() - STATUS, the answer
 * @xdr: where from
 * @res: the answer; all but the status is 0 unless that is RAMSTER_OK
 *
 * Context: Any.
 * Return: 0, or -EBADMSG if it is malformed.
 */
int ramster_decode_health(struct xdr_stream *xdr, struct ramster_health *res)
{
	*res = (struct ramster_health) {};
	if (ramster_get_status(xdr, &res->status))
		return -EBADMSG;
	if (res->status != RAMSTER_OK)
		return ramster_decode_end(xdr);
	if (ramster_get_u64(xdr, &res->pages, RAMSTER_MAX_NUMBER + 1) ||
	    ramster_get_u64(xdr, &res->oldest, RAMSTER_MAX_NUMBER + 1) ||
	    ramster_get_u64(xdr, &res->room_pages, RAMSTER_MAX_PAGES) ||
	    ramster_get_bool(xdr, &res->is_short) ||
	    ramster_get_bool(xdr, &res->recalls) ||
	    ramster_get_u64(xdr, &res->lost, RAMSTER_MAX_NUMBER + 1))
		return -EBADMSG;
	return ramster_decode_end(xdr);
}
