#include "places/address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "places/address_list.h"

using namespace ringwall;
using namespace ringwall::places;

namespace {

std::string show(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  if (address.v4()) return ::inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof text);
  return ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
}

std::string read(std::string_view list) {
  const auto ranges = parse_address_list(list);
  if (!ranges.ok()) return ranges.error().message;
  std::string out;
  for (const auto& range : *ranges) out += fmt::format("[{} {}]", show(range.first), show(range.last));
  return out;
}

}  // namespace

TEST_CASE("addresses: what lists write") {
  struct Case {
    std::string_view list, want;
  };
  const Case kCases[] = {
      // Plain lists, FireHOL's netsets, Spamhaus' DROP.
      {"203.0.113.7\n198.51.100.0/24\n2001:db8::/32\n", "[203.0.113.7 203.0.113.7][198.51.100.0 198.51.100.255][2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"},
      {"#\n# firehol_level1\n#\n0.0.0.0/8\n1.10.16.0/20", "[0.0.0.0 0.255.255.255][1.10.16.0 1.10.31.255]"},
      {"; Spamhaus DROP List\n1.10.16.0/20 ; SBL256894\r\n1.19.0.0/16 ; SBL434604\r\n", "[1.10.16.0 1.10.31.255][1.19.0.0 1.19.255.255]"},
      {"192.0.2.1-192.0.2.9\n192.0.2.20 - 192.0.2.21\n2001:db8::1-2001:db8::f", "[192.0.2.1 192.0.2.9][192.0.2.20 192.0.2.21][2001:db8::1 2001:db8::f]"},
      {"\xef\xbb\xbf""192.0.2.1\n\n \t192.0.2.2 # a comment\n", "[192.0.2.1 192.0.2.1][192.0.2.2 192.0.2.2]"},
      {"", ""},
      {"# nothing today\n", ""},
      // What stands behind the prefix is ignored; everything, and IPv6 that is IPv4.
      {"192.0.2.77/24", "[192.0.2.0 192.0.2.255]"},
      {"0.0.0.0/0\n::/0", "[0.0.0.0 255.255.255.255][:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
      {"::ffff:192.0.2.1\n::ffff:192.0.2.0/120", "[192.0.2.1 192.0.2.1][192.0.2.0 192.0.2.255]"},

      // What they must not write.
      {"192.0.2.1\n<!DOCTYPE html>\n", "2: '<!DOCTYPE html>' is no address"},
      {"192.0.2.1\n\n192.0.2\n", "3: '192.0.2' is no address"},
      {"192.0.2.256", "1: '192.0.2.256' is no address"},
      {"192.0.02.1", "1: '192.0.02.1' is no address"},
      {"192.0.2.1 192.0.2.2", "1: '192.0.2.1 192.0.2.2' is no address"},
      {"192.0.2.1,192.0.2.2", "1: '192.0.2.1,192.0.2.2' is no address"},
      {"192.0.2.0/33", "1: '192.0.2.0/33' has no prefix of 0 to 32 bits"},
      {"192.0.2.0/", "1: '192.0.2.0/' has no prefix of 0 to 32 bits"},
      {"192.0.2.0/255.255.255.0", "1: '192.0.2.0/255.255.255.0' has no prefix of 0 to 32 bits"},
      {"2001:db8::/129", "1: '2001:db8::/129' has no prefix of 0 to 128 bits"},
      {"192.0.2.9-192.0.2.1", "1: '192.0.2.9-192.0.2.1' ends before it begins"},
      {"192.0.2.9-2001:db8::1", "1: '192.0.2.9-2001:db8::1' begins with IPv4 and ends with IPv6, or the other way round"},
      {"192.0.2.9-", "1: '192.0.2.9-' is no range of addresses"},
      {"host.example.com", "1: 'host.example.com' is no address"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.list);
    CHECK(read(c.list) == c.want);
  }
}

TEST_CASE("addresses: a list ends at its limit") {
  CHECK(parse_address_list("192.0.2.1\n192.0.2.2\n", 2).ok());
  const auto beyond = parse_address_list("192.0.2.1\n192.0.2.2\n# two\n192.0.2.3\n", 2);
  REQUIRE(!beyond.ok());
  CHECK(beyond.error().code == Errc::kLimit);
  CHECK(beyond.error().message == "4: more than 2 addresses and networks");
}

TEST_CASE("addresses: bytes of a socket") {
  CHECK(show(address_of_bytes(std::string_view("\xc0\x00\x02\x01", 4)).value()) == "192.0.2.1");
  CHECK(address_of_bytes(std::string_view("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16)).value().v4());
  CHECK(!address_of_bytes("").has_value());
  CHECK(!address_of_bytes("12345").has_value());
}
