// SPDX-License-Identifier: GPL-2.0
/*
 * Where the doors meet: one way for a typed request to a signer, whatever it
 * came through, and one shape for what goes back.
 */
#include <linux/slab.h>

#include "azattest.h"

static struct azattest_request *request_make(struct azattest_binding *b,
					     const struct azattest_ask *ask, u8 transport)
{
	struct azattest_request *req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	u32 timeout = azattest_limit(deadline_ms);

	if (!req)
		return NULL;
	if (ask->timeout_ms && ask->timeout_ms < timeout)
		timeout = ask->timeout_ms;
	refcount_set(&req->ref, 1);
	req->ask = *ask;
	req->transport = transport;
	req->cid = b->id.cid;
	req->binding = azattest_registry_get(b);
	req->deadline = ktime_add_ms(ktime_get(), timeout);
	INIT_LIST_HEAD(&req->node);
	INIT_LIST_HEAD(&req->sibling);
	INIT_LIST_HEAD(&req->origin_node);
	timerqueue_init(&req->timer);
	return req;
}

/**
 * azattest_door_ask - asks the signers for a VM
 * @b:         the binding that asks
 * @ask:       ATTEST or ISSUER, checked by frame.c
 * @transport: AZATTEST_TRANSPORT_*
 * @done:      called once when the request has an answer, from any task, without locks
 * @origin:    for @done
 * @out:       with 0: a reference to the request
 *
 * Returns 0, or the AZATTEST_STATUS_* to refuse with; then @done is not called.
 */
int azattest_door_ask(struct azattest_binding *b, const struct azattest_ask *ask, u8 transport,
		      void (*done)(struct azattest_request *req), void *origin,
		      struct azattest_request **out)
{
	struct azattest_request *req;
	int status;

	if (!azattest_queue_charge(b))
		return AZATTEST_STATUS_BUSY;
	req = request_make(b, ask, transport);
	if (!req) {
		azattest_refuse(refused_memory, b->id.cid);
		return AZATTEST_STATUS_RETRY;
	}
	req->done = done;
	req->origin = origin;
	refcount_inc(&req->ref);	/* the caller's; the first is the queue's */
	*out = req;
	status = azattest_queue_submit(req);
	if (!status)
		return 0;
	azattest_queue_put(req);
	azattest_queue_put(req);
	*out = NULL;
	return status;
}

static int answer_hello(struct azattest_binding *b, u32 id, struct azattest_door *door)
{
	door->status = azattest_queue_charge(b) ? AZATTEST_STATUS_OK : AZATTEST_STATUS_BUSY;
	if (door->status == AZATTEST_STATUS_OK)
		door->frame = azattest_door_hello(id, &door->len);
	else
		door->frame = azattest_door_refusal(AZATTEST_FRAME_HELLO, id, door->status,
						    &door->len);
	return door->frame ? 0 : -ENOMEM;
}

/* A frame whose header is not sound has no type and no id to copy. */
static int refuse(const struct azattest_ask *ask, u16 status, struct azattest_door *door)
{
	door->status = status;
	door->frame = azattest_door_refusal(ask->type ? ask->type : AZATTEST_FRAME_REFUSED,
					    ask->id, status, &door->len);
	return door->frame ? 0 : -ENOMEM;
}

/**
 * azattest_door_frame - one whole request frame of a VM
 * @b:         whose
 * @buf:       the frame
 * @len:       its length
 * @transport: AZATTEST_TRANSPORT_*
 * @done:      as for azattest_door_ask
 * @origin:    as for azattest_door_ask
 * @door:      with 0: either a reply that is ready, or a request that will have one
 *
 * Returns 0 or -ENOMEM.
 */
int azattest_door_frame(struct azattest_binding *b, const void *buf, size_t len, u8 transport,
			void (*done)(struct azattest_request *req), void *origin,
			struct azattest_door *door)
{
	struct azattest_ask ask;
	int status;

	memset(door, 0, sizeof(*door));
	status = azattest_frame_parse(buf, len, &ask);
	if (status) {
		if (status == AZATTEST_STATUS_UNSUPPORTED)
			azattest_refuse(frame_unsupported, b->id.cid);
		else
			azattest_refuse(frame_bad, b->id.cid);
		return refuse(&ask, status, door);
	}
	if (ask.type == AZATTEST_FRAME_HELLO)
		return answer_hello(b, ask.id, door);
	status = azattest_door_ask(b, &ask, transport, done, origin, &door->req);
	return status ? refuse(&ask, status, door) : 0;
}

/* The reply to a request that is DONE: fills the header, in place. */
int azattest_door_reply(struct azattest_request *req)
{
	if (!req->frame) {
		req->frame = azattest_door_refusal(req->ask.type, req->ask.id, req->status,
						   &req->frame_len);
		return req->frame ? 0 : -ENOMEM;
	}
	azattest_frame_reply((struct azattest_frame *)req->frame, req->ask.type, req->ask.id,
			     req->status, req->frame_len - sizeof(struct azattest_frame));
	return 0;
}

/* A reply without payload; NULL without memory. The caller frees it. */
u8 *azattest_door_refusal(u8 type, u32 id, u16 status, u32 *len)
{
	struct azattest_frame *hdr = kmalloc(sizeof(*hdr), GFP_KERNEL_ACCOUNT);

	if (!hdr)
		return NULL;
	azattest_frame_reply(hdr, type, id, status, 0);
	*len = sizeof(*hdr);
	return (u8 *)hdr;
}

/* The reply to HELLO; it needs no signer. */
u8 *azattest_door_hello(u32 id, u32 *len)
{
	struct azattest_frame_hello *hello;
	struct azattest_frame *hdr;

	hdr = kmalloc(sizeof(*hdr) + sizeof(*hello), GFP_KERNEL_ACCOUNT);
	if (!hdr)
		return NULL;
	hello = (void *)(hdr + 1);
	azattest_count(hello);
	azattest_frame_reply(hdr, AZATTEST_FRAME_HELLO, id, AZATTEST_STATUS_OK, sizeof(*hello));
	azattest_frame_hello(hello, azattest_serve_host_state(NULL, NULL));
	*len = sizeof(*hdr) + sizeof(*hello);
	return (u8 *)hdr;
}
