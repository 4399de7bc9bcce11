/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XDR streams over a flat buffer, which is what the messages of ramster need to
 * run in user space. The names and what they promise are the kernel's. What ends
 * inside a word is rounded up to it where the kernel does so too, and not one
 * byte behind the buffer is touched.
 */
#ifndef _TMEM_USER_SUNRPC_XDR_H
#define _TMEM_USER_SUNRPC_XDR_H

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#define XDR_UNIT	sizeof(__be32)

struct rpc_rqst;

struct xdr_buf {
	struct iovec head[1];
	unsigned int buflen;
	unsigned int len;
};

struct xdr_stream {
	__be32 *p;
	__be32 *end;
	struct xdr_buf *buf;
	unsigned int nwords;
};

static inline size_t xdr_align_size(size_t n)
{
	return (n + XDR_UNIT - 1) / XDR_UNIT * XDR_UNIT;
}

static inline size_t xdr_pad_size(size_t n)
{
	return xdr_align_size(n) - n;
}

static inline void xdr_buf_init(struct xdr_buf *buf, void *start, size_t len)
{
	*buf = (struct xdr_buf) {
		.head[0] = { .iov_base = start, .iov_len = len },
		.buflen = len,
	};
}

static inline void xdr_init_decode(struct xdr_stream *xdr, struct xdr_buf *buf,
				   __be32 *p, struct rpc_rqst *rqst)
{
	xdr->buf = buf;
	xdr->p = buf->head[0].iov_base;
	xdr->end = (void *)((char *)xdr->p + buf->len);
	xdr->nwords = xdr_align_size(buf->len) / XDR_UNIT;
}

static inline void xdr_init_encode(struct xdr_stream *xdr, struct xdr_buf *buf,
				   __be32 *p, struct rpc_rqst *rqst)
{
	xdr->buf = buf;
	xdr->p = buf->head[0].iov_base;
	xdr->end = (void *)((char *)xdr->p + buf->buflen);
}

static inline size_t xdr_stream_remaining(const struct xdr_stream *xdr)
{
	return xdr->nwords * XDR_UNIT;
}

static inline __be32 *xdr_inline_decode(struct xdr_stream *xdr, size_t nbytes)
{
	size_t bytes = xdr_align_size(nbytes);
	__be32 *p = xdr->p;

	if (bytes > (size_t)((char *)xdr->end - (char *)p))
		return NULL;
	xdr->p += bytes / XDR_UNIT;
	xdr->nwords -= bytes / XDR_UNIT;
	return p;
}

static inline __be32 *xdr_reserve_space(struct xdr_stream *xdr, size_t nbytes)
{
	size_t bytes = xdr_align_size(nbytes);
	__be32 *p = xdr->p;

	if (bytes > (size_t)((char *)xdr->end - (char *)p))
		return NULL;
	xdr->p += bytes / XDR_UNIT;
	xdr->buf->len += bytes;
	return p;
}

static inline void xdr_commit_encode(struct xdr_stream *xdr)
{
}

static inline __be32 *xdr_encode_hyper(__be32 *p, u64 n)
{
	put_unaligned_be64(n, p);
	return p + 2;
}

static inline ssize_t xdr_stream_encode_u32(struct xdr_stream *xdr, u32 n)
{
	__be32 *p = xdr_reserve_space(xdr, sizeof(n));

	if (!p)
		return -EMSGSIZE;
	put_unaligned_be32(n, p);
	return sizeof(n);
}

static inline ssize_t xdr_stream_encode_u64(struct xdr_stream *xdr, u64 n)
{
	__be32 *p = xdr_reserve_space(xdr, sizeof(n));

	if (!p)
		return -EMSGSIZE;
	put_unaligned_be64(n, p);
	return sizeof(n);
}

static inline ssize_t xdr_stream_encode_opaque(struct xdr_stream *xdr,
					       const void *ptr, size_t len)
{
	size_t bytes = sizeof(u32) + xdr_align_size(len);
	__be32 *p = xdr_reserve_space(xdr, bytes);

	if (!p)
		return -EMSGSIZE;
	put_unaligned_be32(len, p++);
	if (len)
		memcpy(p, ptr, len);
	memset((char *)p + len, 0, xdr_pad_size(len));
	return bytes;
}

static inline ssize_t xdr_stream_decode_u32(struct xdr_stream *xdr, u32 *n)
{
	__be32 *p = xdr_inline_decode(xdr, sizeof(*n));

	if (!p)
		return -EBADMSG;
	*n = get_unaligned_be32(p);
	return 0;
}

static inline ssize_t xdr_stream_decode_u64(struct xdr_stream *xdr, u64 *n)
{
	__be32 *p = xdr_inline_decode(xdr, sizeof(*n));

	if (!p)
		return -EBADMSG;
	*n = get_unaligned_be64(p);
	return 0;
}

#endif
