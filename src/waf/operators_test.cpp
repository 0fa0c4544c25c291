#include "waf/operators.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>

using namespace ringwall;
using namespace ringwall::waf;
using namespace std::string_view_literals;

TEST_CASE("operators: numbers as atoi() reads them") {
  struct Case {
    std::string_view text;
    std::int64_t want;
  };
  constexpr Case kCases[] = {
      {"12", 12}, {" \t+12x", 12}, {"-7", -7}, {"", 0}, {"x1", 0}, {"- 1", 0}, {"+-1", 0}, {"007", 7}, {"1.9", 1}, {"0x10", 0},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"9223372036854775808", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"-99999999999999999999", std::numeric_limits<std::int64_t>::min()},
      {"18446744073709551617", std::numeric_limits<std::int64_t>::max()},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(number_of(c.text) == c.want);
  }
}

TEST_CASE("operators: a word in a text") {
  struct Case {
    std::string_view text, word;
    bool want;
  };
  constexpr Case kCases[] = {
      {"the cat sat", "cat", true},
      {"cat sat", "cat", true},
      {"the cat", "cat", true},
      {"cat", "cat", true},
      {"concatenate", "cat", false},
      {"concat cat", "cat", true},
      {"cats", "cat", false},
      {"cat1 _cat_", "cat", true},  // digits and '_' are no letters
      {"1cat2", "cat", true},
      {"Cat", "cat", false},
      {"anything", "", true},
      {"", "cat", false},
      {"a-a-ab", "a-a", true},
      {"xa-a-a-ax", "a-a", true},
      {"xa-a-ax", "a-a", false},
      {"\xE4" "cat\xFC", "cat", true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CAPTURE(c.word);
    CHECK(contains_word(c.text, c.word) == c.want);
  }
  CHECK(contains("abc", ""));
  CHECK(contains("", ""));
  CHECK(contains("abc", "bc"));
  CHECK_FALSE(contains("abc", "abcd"));
  CHECK_FALSE(contains("abc", "cb"));
}

// Goal: the same answers as looking at every place, where words overlap themselves.
TEST_CASE("operators: words against a naive search") {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 14, ' '), word(1 + random() % 4, ' ');
    for (auto& c : text) c = "aab- "[random() % 5];
    for (auto& c : word) c = "aab-"[random() % 4];
    bool want = false;
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
      if (text.compare(at, word.size(), word) != 0) continue;
      const auto end = at + word.size();
      want = want || ((at == 0 || !letter(text[at - 1])) && (end == text.size() || !letter(text[end])));
    }
    CAPTURE(text);
    CAPTURE(word);
    REQUIRE(contains_word(text, word) == want);
    REQUIRE(contains(text, word) == (text.find(word) != std::string::npos));
  }
}

TEST_CASE("operators: ranges of bytes") {
  struct Case {
    std::string_view argument, text;
    bool outside;
  };
  constexpr Case kCases[] = {
      {"1-255", "abc\xFF", false},
      {"1-255", "a\0c"sv, true},
      {"9,10,13,32-126,128-255", "line\r\n\t\x80", false},
      {"9,10,13,32-126,128-255", "a\x7F", true},
      {" 32 - 126 , 9", "a\tb", false},
      {"0-0", "\0\0"sv, false},
      {"0-255", "", false},
      {"38,44-46,48-58,61,65-90,95,97-122", "key=Value&a_b,1.5-2:", false},
      {"38,44-46,48-58,61,65-90,95,97-122", "key=Value/", true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.argument);
    const auto set = parse_byte_range(c.argument);
    REQUIRE(set.ok());
    CHECK(outside_range(c.text, *set) == c.outside);
  }
  for (const auto bad : {"", "1,", "a", "256", "-1", "5-3", "1-256", "1--2", "1 2", "32-126;9", "99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_byte_range(bad).ok());
  }
  CHECK(parse_byte_range("32-126,x").error().message == "byte 7: 'x' is not a range of bytes");
}

TEST_CASE("operators: encodings that are broken") {
  for (const auto good : {"", "abc", "%41", "a%41%42b", "100"}) CHECK_FALSE(bad_url_encoding(good));
  for (const auto bad : {"%", "%4", "a%4", "%4g", "%g4", "%%41", "%41%", "%u0041"}) {
    CAPTURE(bad);
    CHECK(bad_url_encoding(bad));
  }
  for (const auto good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xEE\x80\x80"}) CHECK_FALSE(bad_utf8(good));
  for (const auto bad : {"\x80", "\xC3", "\xC3z", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82", "\xF0\x80\x80\x80",
                         "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CAPTURE(bad);
    CHECK(bad_utf8(bad));
  }
}

TEST_CASE("operators: numbers with check digits") {
  struct Case {
    bool (*valid)(std::string_view);
    std::string_view text;
    bool want;
  };
  constexpr Case kCases[] = {
      {valid_credit_card, "4111 1111 1111 1111", true},
      {valid_credit_card, "5500-0000-0000-0004", true},
      {valid_credit_card, "378282246310005", true},
      {valid_credit_card, "4111 1111 1111 1112", false},
      {valid_credit_card, "no digits", false},
      {valid_cpf, "529.982.247-25", true},
      {valid_cpf, "52998224725", true},
      {valid_cpf, "529.982.247-26", false},
      {valid_cpf, "529.982.247-2", false},
      {valid_cpf, "111.111.111-11", false},  // checks, and is none
      {valid_cpf, "012.345.678-90", false},
      {valid_ssn, "078-05-1120", true},
      {valid_ssn, "078-05-11201", false},
      {valid_ssn, "000-05-1120", false},
      {valid_ssn, "078-00-1120", false},
      {valid_ssn, "078-05-0000", false},
      {valid_ssn, "666-05-1120", false},
      {valid_ssn, "740-05-1120", false},
      {valid_ssn, "739-05-1120", true},
      {valid_ssn, "123456789", false},
      {valid_ssn, "234567890", true},
      {valid_ssn, "333333333", false},
      {valid_svnr, "1237 010180", true},
      {valid_svnr, "1238 010180", false},
      {valid_svnr, "123701018", false},
      {valid_svnr, "1111111111", false},
      {valid_svnr, "8888888888", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(c.valid(c.text) == c.want);
  }
}

TEST_CASE("ip set: addresses and networks") {
  const auto set = IpSet::parse({"127.0.0.1,::1 , 192.168.0.0/24", "10.1.2.3/8  # inside", "", "# nothing", "2001:db8::/32,2001:db8:1::/48", "198.51.100.255/32"});
  REQUIRE(set.ok());
  CHECK(set->size() == 6);
  for (const auto in : {"127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "192.168.0.0", "192.168.0.255", "10.0.0.0", "10.255.255.255", "2001:db8::", "2001:DB8:ffff::1",
                        "198.51.100.255", "::ffff:10.9.8.7", "::ffff:c0a8:0007"}) {
    CAPTURE(in);
    CHECK(set->contains(in));
  }
  for (const auto out : {"127.0.0.2", "::2", "192.168.1.0", "192.167.255.255", "11.0.0.0", "9.255.255.255", "2001:db9::", "2001:db7:ffff::", "198.51.100.254",
                         "", "localhost", "127.0.0.1 ", "127.0.0.1:80", "unix:", "1.2.3", "127.1", "10.0.0.0/8", "[::1]",
                         "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
    CAPTURE(out);
    CHECK_FALSE(set->contains(out));
  }
  CHECK_FALSE(set->contains("127.0.0.1\0"sv));
  for (const auto bad : {"x", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/-1", "1.2.3.4/255.0.0.0", "1.2.3", "01.2.3.4/8/8", "1.2.3.4 5.6.7.8"}) {
    CAPTURE(bad);
    CHECK_FALSE(IpSet::parse({bad}).ok());
  }
  CHECK(IpSet::parse({"1.2.3.4,5.6.7"}).error().message == "'5.6.7' is not an IP address or network");
  CHECK_FALSE(IpSet::parse({}).value().contains("1.2.3.4"));
}

TEST_CASE("ip set: a wide IPv6 network does not speak of IPv4") {
  const auto all6 = IpSet::parse({"::/0"}).value();
  CHECK(all6.contains("::"));
  CHECK(all6.contains("::1"));
  CHECK(all6.contains("::fffe:ffff:ffff"));
  CHECK(all6.contains("::1:0:0:0"));
  CHECK(all6.contains("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  CHECK_FALSE(all6.contains("0.0.0.0"));
  CHECK_FALSE(all6.contains("255.255.255.255"));
  const auto all4 = IpSet::parse({"0.0.0.0/0"}).value();
  CHECK(all4.contains("0.0.0.0"));
  CHECK(all4.contains("255.255.255.255"));
  CHECK_FALSE(all4.contains("::1"));
  CHECK(IpSet::parse({"::ffff:0:0/96"}).value().contains("192.0.2.1"));
  CHECK(IpSet::parse({"::/0", "0.0.0.0/0", "::/0"}).value().contains("192.0.2.1"));
}

TEST_CASE("ip set: networks against a naive look at every one") {
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    struct Network {
      std::uint32_t address;
      unsigned bits;
    };
    std::vector<Network> networks(random() % 12);
    std::vector<std::string> texts;
    const auto text_of = [](std::uint32_t a) { return fmt::format("{}.{}.{}.{}", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255); };
    for (auto& network : networks) {
      network = {0x0A000000u + static_cast<std::uint32_t>(random() % 64), static_cast<unsigned>(26 + random() % 7)};
      texts.push_back(fmt::format("{}/{}", text_of(network.address), network.bits));
    }
    const auto set = IpSet::parse(std::vector<std::string_view>(texts.begin(), texts.end())).value();
    for (std::uint32_t address = 0x0A000000u - 2; address < 0x0A000000u + 70; ++address) {
      bool want = false;
      for (const auto& network : networks) want = want || (address >> (32 - network.bits)) == (network.address >> (32 - network.bits));
      CAPTURE(text_of(address));
      REQUIRE(set.contains(text_of(address)) == want);
    }
  }
}

TEST_CASE("phrases: the words of @pm's argument") {
  struct Case {
    std::string_view argument, want;  // each word in [ ]
  };
  constexpr Case kCases[] = {
      {"gzip compress  deflate\tbr", "[gzip][compress][deflate][br]"},
      {"", ""},
      {"  \"one two\" ", "[one][two]"},
      {"\"one", "[\"one]"},
      {"( )", "[(][)]"},
      {"<!-- <![cdata[ -moz-binding", "[<!--][<![cdata[][-moz-binding]"},
      {"A|42|C|44|F", "[ABCDF]"},
      {"a|20 42|b c", "[a Bb][c]"},
      {"|| a|b |4| |4 |zz|", "[||][a|b][|4|][|4][|zz|]"},
      {"a\\\\b \\\"c\\\" d\\:e\\;", "[a\\b][\"c\"][d:e;]"},
      {"\\d a\\\\b", "[\\d][a\\\\b]"},  // another escape: then there are none
      {"a\\", "[a\\]"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.argument);
    std::string got;
    for (const auto& phrase : parse_phrases(c.argument)) got += '[' + phrase + ']';
    CHECK(got == c.want);
  }
}

TEST_CASE("phrases: the match that ends first, the longest of those") {
  struct Case {
    std::vector<std::string> phrases;
    std::string_view text, want;  // "offset:phrase"
  };
  const Case kCases[] = {
      {{"he", "she", "his", "hers"}, "ushers", "1:she"},
      {{"he", "she"}, "xhe", "1:he"},
      {{"Select", "UNION"}, "a uNiOn b", "2:uNiOn"},
      {{"abcd", "bc"}, "abcd", "1:bc"},
      {{"abcx", "bz", "cde"}, "abcde", "2:cde"},  // falls back twice, which libmodsecurity does not
      {{"caf\xC3\xA9"}, "le caf\xC3\xA9", "3:caf\xC3\xA9"},  // nor does it find bytes beyond ASCII
      {{"a b"}, "xa by", "1:a b"},
      {{std::string("a\0b", 3)}, "xa\0b"sv, "1:a\0b"sv},
      {{"aaa"}, "aabaaab", "3:aaa"},
      {{"x", "x", "X"}, "X", "0:X"},
      {{"abc"}, "abab", "none"},
      {{"abc"}, "", "none"},
      {{}, "abc", "none"},
      {{"", ""}, "abc", "none"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto set = PhraseSet::make(c.phrases);
    REQUIRE(set.ok());
    std::size_t offset = 0, size = 0;
    const bool found = set->find(c.text, offset, size);
    CHECK((found ? fmt::format("{}:{}", offset, c.text.substr(offset, size)) : "none") == c.want);
  }
}

namespace {

std::string folded(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// The match by definition: at each end the longest phrase.
bool naive_find(const std::vector<std::string>& phrases, std::string_view text, std::size_t& offset, std::size_t& size) {
  const auto lower = folded(text);
  for (std::size_t end = 1; end <= lower.size(); ++end) {
    size = 0;
    for (const auto& phrase : phrases) {
      if (phrase.size() > size && std::string_view(lower).substr(0, end).ends_with(folded(phrase))) size = phrase.size();
    }
    offset = end - size;
    if (size != 0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("phrases: against a naive search") {
  std::mt19937 random(5);
  for (int round = 0; round < 3'000; ++round) {
    // Few letters and short phrases for much overlap; many phrases so that some states have no row.
    const unsigned letters = 2 + random() % 4;
    const auto word = [&](std::size_t size) {
      std::string out(size, ' ');
      for (auto& c : out) c = "abCde\xFF"[random() % letters];
      return out;
    };
    std::vector<std::string> phrases(random() % 12);
    for (auto& phrase : phrases) phrase = word(3 + random() % 6);
    const auto set = PhraseSet::make(phrases).value();
    const auto text = word(random() % 60);
    std::size_t offset = 0, size = 0, want_offset = 0, want_size = 0;
    CAPTURE(text);
    REQUIRE(set.find(text, offset, size) == naive_find(phrases, text, want_offset, want_size));
    if (want_size != 0) {
      REQUIRE(offset == want_offset);
      REQUIRE(size == want_size);
    }
  }
}

TEST_CASE("phrases: sets too large for rows, against a naive search") {
  std::mt19937 random(6);
  const auto word = [&](std::size_t size) {
    std::string out(size, ' ');
    for (auto& c : out) c = static_cast<char>(random() % 3 == 0 ? random() % 256 : 'a' + random() % 2);
    return out;
  };
  for (int round = 0; round < 5; ++round) {
    std::vector<std::string> phrases(600);
    for (auto& phrase : phrases) phrase = word(4 + random() % 20);
    const auto set = PhraseSet::make(phrases).value();
    for (int i = 0; i < 60; ++i) {
      auto text = word(random() % 40);
      if (i % 2 == 0) text += phrases[random() % 600].substr(0, random() % 24) + phrases[random() % 600];
      std::size_t offset = 0, size = 0, want_offset = 0, want_size = 0;
      REQUIRE(set.find(text, offset, size) == naive_find(phrases, text, want_offset, want_size));
      if (want_size != 0) {
        REQUIRE(offset == want_offset);
        REQUIRE(size == want_size);
      }
    }
  }
}

TEST_CASE("phrases: the limit is exact") {
  CHECK(PhraseSet::make({std::string(PhraseSet::kPhraseBytesMax, 'a')}).ok());
  CHECK(PhraseSet::make({std::string(PhraseSet::kPhraseBytesMax + 1, 'a')}).error().code == Errc::kLimit);
}

TEST_CASE("phrases: the lists of the Core Rule Set are small and find their own") {
  const std::string folder = RINGWALL_SOURCE_DIR "/../shared/crs/rules";
  if (!std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: no Core Rule Set beside the source");
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".data") continue;
    CAPTURE(entry.path().filename().string());
    std::ifstream in(entry.path());
    std::vector<std::string> phrases;
    std::size_t bytes = 0;
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      bytes += line.size();
      phrases.push_back(std::move(line));
    }
    const auto set = PhraseSet::make(phrases).value();
    CHECK(set.bytes_used() < 16 * bytes + (128 << 10));
    for (const auto& phrase : phrases) {
      std::size_t offset = 0, size = 0;
      REQUIRE(set.find("x " + phrase + " y", offset, size));
    }
  }
}
