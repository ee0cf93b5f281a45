// SPDX-License-Identifier: Apache-2.0
// Hands every packet of a capture to a callback that does nothing, with
// libpcap: as a whole program, the least that a tool built on libpcap can cost.
// A reference for bench/peers.
//
//   octroi_pcap_dispatch CAPTURE
#include <pcap/pcap.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: octroi_pcap_dispatch CAPTURE\n");
    return 2;
  }
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* capture = pcap_open_offline(argv[1], error);
  if (capture == nullptr) {
    std::fprintf(stderr, "%s\n", error);
    return 1;
  }
  const int result = pcap_dispatch(
      capture, -1, [](u_char*, const pcap_pkthdr*, const u_char*) {}, nullptr);
  if (result < 0) std::fprintf(stderr, "%s\n", pcap_geterr(capture));
  pcap_close(capture);
  return result < 0 ? 1 : 0;
}
