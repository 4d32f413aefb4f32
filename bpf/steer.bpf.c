// SPDX-License-Identifier: GPL-2.0
// Owns which socket gets a connection to a service address: ours, or none.

#include "fence.bpf.h"

#define IPV4	2	/* AF_INET */

/*
 * For a client on the host itself ingress_ifindex shows the bridge too, because
 * the address lies there: so the source must be of the internal range as well.
 */
static __always_inline __u32 slot_of_client(const struct bpf_sk_lookup *ctx,
					    const struct fence_conf *c)
{
	if (!c->bridge_ifindex || ctx->ingress_ifindex != c->bridge_ifindex ||
	    ctx->protocol != IPPROTO_TCP)
		return 0;
	return slot_of_address(c, ctx->remote_ip4);
}

static __always_inline long assign(struct bpf_sk_lookup *ctx)
{
	__u32 zero = 0;
	struct bpf_sock *listening = bpf_map_lookup_elem(&sock, &zero);
	long ret;

	if (!listening)
		return -1;
	ret = bpf_sk_assign(ctx, listening, 0);
	bpf_sk_release(listening);
	return ret;
}

SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	const struct fence_conf *c = conf_get();
	__u32 slot;

	if (!c || ctx->family != IPV4 || !is_service(c, ctx->local_ip4) ||
	    ctx->local_port != bpf_ntohs(c->port))
		return SK_PASS;
	slot = slot_of_client(ctx, c);
	if (slot && !assign(ctx))
		return SK_PASS;
	deny(slot, FENCE_REASON_SOCKET);
	return SK_DROP;
}
