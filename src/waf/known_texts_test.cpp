#include "waf/detail/known_texts.h"

#include <doctest/doctest.h>

#include <string>

using ringwall::waf::detail::KnownTexts;
using ringwall::waf::detail::kKnownTexts;

TEST_CASE("known texts: what was learnt is there, of that text alone") {
  KnownTexts known(100);
  REQUIRE(known.words() == 2);
  const std::uint64_t yes[2] = {5, 1}, no[2] = {};
  CHECK(known.find("accept") == nullptr);
  known.learn("accept", yes);
  known.learn("", no);
  REQUIRE(known.find("accept") != nullptr);
  CHECK(known.find("accept")[0] == 5);
  CHECK(known.find("accept")[1] == 1);
  REQUIRE(known.find("") != nullptr);
  CHECK(known.find("")[0] == 0);
  for (const char* other : {"Accept", "accep", "accept ", "a"}) CHECK(known.find(other) == nullptr);
}

TEST_CASE("known texts: a text is worth learning when it comes often") {
  KnownTexts known(1);
  int times = 1;
  while (!known.comes_often("host")) ++times;
  CHECK(times == 4);
  // Not one that comes a few times among very many.
  bool often = false;
  for (int i = 0; i < 300'000; ++i) {
    known.comes_often(std::to_string(i));
    if (i % 50'000 == 0) often = often || known.comes_often("rare");
  }
  CHECK(!often);
}

TEST_CASE("known texts: those asked for stay when others come and go") {
  KnownTexts known(64);
  const std::uint64_t mine[1] = {42}, others[1] = {7};
  known.learn("user-agent", mine);
  for (std::size_t i = 0; i < 50 * kKnownTexts; ++i) {
    known.learn("text " + std::to_string(i), others);
    const auto* answers = known.find("user-agent");
    REQUIRE(answers != nullptr);
    REQUIRE(answers[0] == 42);
  }
  CHECK(known.memory_bytes() < 3u << 20);
}
