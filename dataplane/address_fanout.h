// SPDX-License-Identifier: Apache-2.0
// How the packets of an interface are shared out among the sockets of a
// PACKET_FANOUT group: by the pair of outermost IP addresses, the same for both
// directions, as a classic BPF program that the kernel runs per packet.
//
// The kernel's own hash takes ports in where a packet has them. Fragments have
// none, so that a flow's fragments and its whole packets would meet two
// workers, and who opened the flow, and with it the verdict, would be told from
// half of its packets. By addresses a flow is never split, and two workers find
// what one finds; replay shares out in the same way (packet_dealer.h). The
// price: what one pair of hosts exchanges is one worker's.
//
// Thread safety: a function of nothing.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace octroi {

// The program. Frames that are not IP, on Ethernet with up to two VLAN tags,
// go by the pair of hardware addresses; what is none of these to the first
// socket. Its value is taken modulo the number of sockets.
std::vector<sock_filter> AddressFanoutProgram();

}  // namespace octroi
