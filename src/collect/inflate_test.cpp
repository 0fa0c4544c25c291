#include "collect/inflate.h"

#include <doctest/doctest.h>
#include <libdeflate.h>

namespace ringwall::collect {

namespace {

std::string deflated(std::string_view text, bool gzip) {
  auto* compressor = libdeflate_alloc_compressor(6);
  std::string out(text.size() + 64, '\0');
  out.resize(gzip ? libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size())
                  : libdeflate_zlib_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

}  // namespace

TEST_CASE("inflate: both encodings, several members, and the limit at its edge") {
  const std::string text(100'000, 'x');
  CHECK(inflate(deflated(text, true), "gzip", text.size()).value() == text);
  CHECK(inflate(deflated(text, false), "deflate", text.size()).value() == text);
  CHECK(inflate(deflated(text, true) + deflated("and more", true), "gzip", 1 << 20).value() == text + "and more");
  CHECK(inflate(deflated("", true), "gzip", 0).value().empty());
  CHECK(inflate(deflated(text, true), "gzip", text.size() - 1).error().code == Errc::kLimit);
  CHECK(inflate(deflated(text, true) + deflated("x", true), "gzip", text.size()).error().code == Errc::kLimit);
}

TEST_CASE("inflate: a bomb ends at the limit") {
  const auto bomb = deflated(std::string(64u << 20, '\0'), true);
  CHECK(bomb.size() < 100'000);
  CHECK(inflate(bomb, "gzip", 1u << 20).error().message == "the body is larger than 1048576 bytes when decompressed");
}

TEST_CASE("inflate: damaged and cut bodies are refused") {
  const auto good = deflated("some text that is worth compressing, some text", true);
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK(inflate(good.substr(0, cut), "gzip", 1 << 20).error().code == Errc::kInvalid);
  CHECK(inflate("plain text", "gzip", 1 << 20).error().code == Errc::kInvalid);
  CHECK(inflate(good + "trailing", "gzip", 1 << 20).error().code == Errc::kInvalid);
  CHECK(inflate(deflated("x", false) + "trailing", "deflate", 1 << 20).error().code == Errc::kInvalid);
  std::string many;
  for (int i = 0; i < kGzipMembersMax; ++i) many += deflated("", true);
  CHECK(inflate(many, "gzip", 1 << 20).ok());
  CHECK(inflate(many + deflated("", true), "gzip", 1 << 20).error().code == Errc::kLimit);
}

}  // namespace ringwall::collect
