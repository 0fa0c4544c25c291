#include "waf/transform.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

using namespace ringwall::waf;
using namespace std::string_view_literals;

namespace {

using enum Transformation;

struct TransformCase {
  Transformation transformation;
  std::string_view text, want;
};

// Found true of libmodsecurity 3.0.9, where no comment says otherwise.
constexpr TransformCase kTransformCases[] = {
    // %XX and '+'; what is no encoding stays.
    {kUrlDecode, "a%20b+c", "a b c"},
    {kUrlDecode, "%3Cscript%3e", "<script>"},
    {kUrlDecode, "%%34%zz%4", "%4%zz%4"},
    {kUrlDecode, "%00", "\0"sv},
    {kUrlDecode, "%u0041", "%u0041"},
    {kUrlDecode, "100% of it", "100% of it"},
    {kUrlDecodeUni, "a%20b+c", "a b c"},
    {kUrlDecodeUni, "%u003Cb%U003e", "<b>"},
    {kUrlDecodeUni, "%uff1cscript%uFF1E", "<script>"},  // full width forms
    {kUrlDecodeUni, "%uff00%uff5f", "\0\x5f"sv},        // beside them
    {kUrlDecodeUni, "%u1234", "4"},                     // the low byte
    {kUrlDecodeUni, "%u123", "%u123"},
    {kUrlDecodeUni, "%u00g1%41", "%u00g1A"},
    {kUrlDecodeUni, "%%41%", "%A%"},
    {kUrlDecodeUni, "%25%34%31", "%41"},  // once

    {kHtmlEntityDecode, "&lt;b&gt; &QUOT;x&quot &amp;&nbsp;", "<b> \"x\" &\xA0"},
    {kHtmlEntityDecode, "&#60;&#x3c;&#X3C&#0060x", "<<<<x"},
    {kHtmlEntityDecode, "&#256;&#321;", "\0A"sv},                                         // the low byte
    {kHtmlEntityDecode, "&#99999999999999999999;&#xffffffffffffffff;", "\xFF\xFF"},       // more than a long holds
    {kHtmlEntityDecode, "&#9223372036854775807;&#0000000000000000000000065;", "\xFF" "A"},  // the largest, and zeros
    {kHtmlEntityDecode, "&apos; &ampx; &; & &# &#x; &#;", "&apos; &ampx; &; & &# &#x; &#;"},
    {kHtmlEntityDecode, "&amp;lt;", "&lt;"},

    {kJsDecode, "\\u003cscript\\x3e", "<script>"},
    {kJsDecode, "\\uff1c\\uFF5e\\uff5f", "<~_"},
    {kJsDecode, "\\74\\074\\0749\\400\\8", "<<<9 " "08"},  // \400 is too much: \40 and 0
    {kJsDecode, "\\a\\b\\f\\n\\r\\t\\v\\'\\\"\\\\\\z", "\a\b\f\n\r\t\v'\"\\z"},
    {kJsDecode, "\\U0041\\X41\\u00g1\\x4", "U0041X41u00g1x4"},
    {kJsDecode, "a\\", "a\\"},
    {kJsDecode, "no escape", "no escape"},

    {kCssDecode, "\\3c script\\00003E", "<script>"},
    {kCssDecode, "ja\\vascript", "javascript"},
    {kCssDecode, "\\ff1c|\\0ff1c|\\00ff1c|\\1ff1c|\\fff1c ", "<|<|<|\x1c|\x1c"},
    {kCssDecode, "\\a  b\\a\tb", "\n b\nb"},  // one blank belongs to the number
    {kCssDecode, "a\\\nb\\zc\\", "abzc"},
    {kCssDecode, "a\\0 b", "a\0b"sv},  // 3.0.9: "a"
    {kCssDecode, "\\1234567", "V7"},

    {kEscapeSeqDecode, "\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\'\\\"", "\a\b\f\n\r\t\v\\?'\""},
    {kEscapeSeqDecode, "\\x41\\X42\\x4g\\103\\1034\\7", "ABx4gCC4\a"},
    {kEscapeSeqDecode, "\\777\\z\\", "\xFFz\\"},

    {kSqlHexDecode, "0x414243", "ABC"},
    {kSqlHexDecode, "select 0X61, 0x6", "select a, 0x6"},     // 3.0.9 loses the last byte
    {kSqlHexDecode, "0x410x42 00x43", "AB 0C"},               // 3.0.9 decodes only the first of two neighbours
    {kSqlHexDecode, "0x41424", "AB4"},
    {kSqlHexDecode, "a\0b0x"sv, "a\0b0x"sv},                  // 3.0.9: "a"

    {kBase64Decode, "SGVsbG8=", "Hello"},
    {kBase64Decode, "SGVs\r\nbG8= ", "Hello"},
    {kBase64Decode, "SGVsbG8", "Hel"},  // digits that are no full group are lost
    {kBase64Decode, "SGVs bG8=", ""},   // a blank inside a line
    {kBase64Decode, "SGVs*", ""},
    {kBase64Decode, "SGVsbG8=x", ""},
    {kBase64Decode, "SGVs\0*"sv, "Hel"},  // a text ends at its NUL
    {kBase64Decode, "", ""},
    {kBase64DecodeExt, "SGVsbG8=", "Hello"},
    {kBase64DecodeExt, "S*G V.s\nb\0G8"sv, "Hello"},
    {kBase64DecodeExt, "SGVsbA", "Hell"},
    {kBase64DecodeExt, "SGVsb=", ""},
    {kBase64DecodeExt, "SGVsb==", ""},
    {kBase64DecodeExt, "SGVs9", ""},   // the library takes the value of '9' for '='
    {kBase64DecodeExt, "SGVs8", "Hel"},
    {kBase64Encode, "Hello", "SGVsbG8="},
    {kBase64Encode, "\xFF\xFE\xFD", "//79"},
    {kBase64Encode, "a", "YQ=="},

    {kHexEncode, "A\0\xFF"sv, "4100ff"},
    {kHexDecode, "4142ff", "AB\xFF"},
    {kHexDecode, "4142f", "AB"},
    {kHexDecode, "zz", "S"},  // whatever they are: 'z' is worth 35
    {kUrlEncode, "a b*c&\xE4", "a+b*c%26%e4"},
    {kUrlEncode, "abc123*", "abc123*"},

    {kUtf8ToUnicode, "caf\xC3\xA9", "caf%u00e9"},
    {kUtf8ToUnicode, "\xE2\x82\xAC \xF0\x9F\x98\x80", "%u20ac %u1f600"},
    {kUtf8ToUnicode, "\xEF\xBC\x9C", "%uff1c"},
    {kUtf8ToUnicode, "\xC0\xAF", "%u002f\xC0"},              // overlong: and its first byte
    {kUtf8ToUnicode, "\xED\xA0\x80", "%ud800\xED"},          // a surrogate likewise
    {kUtf8ToUnicode, "\xF0\x8D\xA0\x80", "%ud800\xF0\xF0"},  // both
    {kUtf8ToUnicode, "\xF7\xBF\xBF\xBF", "\xF7%u1fffff"},
    {kUtf8ToUnicode, "a\xC3z\xE2\x82", "az\x82"},            // a first byte alone is lost, a following one not
    {kUtf8ToUnicode, "a\0b"sv, "ab"},
    {kUtf8ToUnicode, "\x80\xFF", "\x80\xFF"},

    {kLength, "", "0"},
    {kLength, "abc", "3"},
    {kLength, "1", "1"},
    {kMd5, "", "\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e"sv},
    {kMd5, "abc", "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72"},
    {kSha1, "abc", "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d"},

    {kLowercase, "SELECT \xC4", "select \xC4"},
    {kUppercase, "select \xE4", "SELECT \xE4"},
    {kCmdLine, "C^M\"D\\ /c,;\tDIR (x)", "cmd/c dir(x)"},
    {kCmdLine, "cat  file", "cat file"},
    {kCmdLine, "a ^ 'b", "a b"},  // the quote between two blanks goes first
    {kCmdLine, "plain text here", "plain text here"},
    {kCmdLine, "a\vb", "a\vb"},
    {kCompressWhitespace, " a \t\n b\v", " a b "},
    {kCompressWhitespace, "a b c", "a b c"},
    {kCompressWhitespace, "a\xA0\xA0", "a\xA0\xA0"},
    {kRemoveWhitespace, " a\tb\r\n\xC2\xA0" "c\v\f", "abc"},
    {kRemoveNulls, "a\0b\0"sv, "ab"},
    {kReplaceNulls, "a\0b\0"sv, "a b "},
    {kTrim, " \t a b \r\n", "a b"},
    {kTrim, "   ", ""},
    {kTrimLeft, " a ", "a "},
    {kTrimRight, " a ", " a"},
    {kTrimRight, "a\0 "sv, "a\0"sv},
    {kParityEven7bit, "a\x61" "b\xE1", "\xE1\xE1\xE2\x61"},
    {kParityOdd7bit, "ab`", "ab\xE0"},
    {kParityZero7bit, "\xE1" "b", "ab"},

    {kReplaceComments, "a/**/b/* c */d", "a b d"},
    {kReplaceComments, "a/* open", "a "},
    {kReplaceComments, "a*/b /*/ c", "a*/b  "},
    {kRemoveComments, "a/* x */b", "ab"},
    {kRemoveComments, "a<!-- x -->b<!-- y */c", "abc"},
    {kRemoveComments, "a -- b", "a "},
    {kRemoveComments, "a # b", "a "},
    {kRemoveComments, "a/* open", "a "},
    {kRemoveComments, "a/**/", "a\0"sv},           // the byte behind a comment is taken unseen, a NUL if there is none
    {kRemoveComments, "/**//**/b", "/**/b"},
    {kRemoveComments, "a-b/c", "a-b/c"},
    {kRemoveCommentsChar, "a/*b*/c<!--d-->e--f#g", "abcdefg"},
    {kRemoveCommentsChar, "//**", "/*"},           // what closes up is not looked at again
    {kRemoveCommentsChar, "a-b", "a-b"},

    {kNormalizePath, "/a/./b/../c", "/a/c"},
    {kNormalizePath, "/../../etc//passwd", "/etc/passwd"},
    {kNormalizePath, "../../a", "../../a"},
    {kNormalizePath, "a/../b", "b"},
    {kNormalizePath, "a/../../b", "../b"},
    {kNormalizePath, "./a/.", "a"},
    {kNormalizePath, "a/b/..", "a"},
    {kNormalizePath, "/a/..", ""},  // also the root loses a '/' at the end that the text had not
    {kNormalizePath, "/a/../", "/"},
    {kNormalizePath, "/a/", "/a/"},
    {kNormalizePath, "/..", ""},
    {kNormalizePath, ".", ""},
    {kNormalizePath, "/x../y", "/y"},  // the library looks at the two dots only
    {kNormalizePath, "/index.php", "/index.php"},
    {kNormalizePath, "\\a\\..\\b", "\\a\\..\\b"},
    {kNormalizePathWin, "\\a\\.\\b\\..\\c", "/a/c"},
    {kNormalizePathWin, "C:\\a/..\\b", "C:/b"},
    {kNormalizePathWin, "a\\\\\\b", "a\\b"},  // of three in a row the last is copied as it is
    {kNormalizePathWin, "/a/b", "/a/b"},
};

std::string show_bytes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 32 && u < 127) {
      out += c;
    } else {
      out += {'<', "0123456789abcdef"[u >> 4], "0123456789abcdef"[u & 15], '>'};
    }
  }
  return out;
}

ByteSet naive_bytes_of(std::string_view text) {
  ByteSet set;
  for (const char c : text) set.add(static_cast<unsigned char>(c));
  return set;
}

}  // namespace

TEST_CASE("transform: what each makes of a text") {
  bool changes[kTransformationCount] = {};
  for (const auto& c : kTransformCases) {
    CAPTURE(name_of(c.transformation));
    CAPTURE(show_bytes(c.text));
    Arena arena;
    const auto got = transform(c.transformation, c.text, arena);
    CHECK(show_bytes(got) == show_bytes(c.want));
    if (c.text == c.want) {
      CHECK(got.data() == c.text.data());
      CHECK(arena.used() == 0);  // what was taken to find out is given back
    } else {
      changes[static_cast<std::size_t>(c.transformation)] = true;
      CHECK_FALSE(is_identity(c.transformation, bytes_of(c.text), c.text));
    }
  }
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    CAPTURE(name_of(static_cast<Transformation>(i)));
    CHECK(changes[i]);
  }
}

TEST_CASE("transform: clean text is known to stay as it is") {
  struct Case {
    std::string_view text;
    std::string_view changing;  // beside those that change every text
  };
  constexpr Case kCases[] = {
      {"order", "parityEven7bit parityOdd7bit uppercase "},
      {"blue shoes", "parityEven7bit parityOdd7bit removeWhitespace uppercase urlEncode "},
      {"/cart/42/item.html", "parityEven7bit parityOdd7bit uppercase urlEncode "},
      {"Mozilla/5.0 (X11; Linux x86_64)",
       "cmdLine lowercase parityEven7bit parityOdd7bit removeWhitespace uppercase urlEncode "},
      {"a-b*c@example.org, 5% off & more", "cmdLine parityEven7bit parityOdd7bit removeWhitespace uppercase urlEncode "},
      {"Gr\xC3\xBC\xC3\x9F" "e",
       "cmdLine lowercase parityEven7bit parityOdd7bit parityZero7bit uppercase urlEncode utf8toUnicode "},
  };
  constexpr std::string_view kAlways = "base64Decode base64DecodeExt base64Encode hexDecode hexEncode length md5 sha1 ";
  for (const auto& c : kCases) {
    CAPTURE(show_bytes(c.text));
    std::string changing;
    for (std::size_t i = 0; i < kTransformationCount; ++i) {
      const auto transformation = static_cast<Transformation>(i);
      if (is_identity(transformation, bytes_of(c.text), c.text)) continue;
      const auto name = std::string(name_of(transformation)) + ' ';
      if (kAlways.find(name) == std::string_view::npos) changing += name;
    }
    CHECK(changing == c.changing);
  }
}

TEST_CASE("transform: names in any case and both spellings") {
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    CHECK(transformation_named(name_of(static_cast<Transformation>(i))) == static_cast<Transformation>(i));
  }
  CHECK(transformation_named("URLDECODEUNI") == kUrlDecodeUni);
  CHECK(transformation_named("normalisePath") == kNormalizePath);
  CHECK(transformation_named("normalisepathwin") == kNormalizePathWin);
  for (const auto name : {"none"sv, ""sv, "urlDecodeUn"sv, "urlDecodeUni "sv, "trim\0"sv}) {
    CAPTURE(name);
    CHECK(transformation_named(name) == std::nullopt);
  }
}

TEST_CASE("transform: the bytes of a text, at every length and place") {
  std::mt19937 random(1);
  std::string text;
  for (int length = 0; length < 400; ++length) {
    CAPTURE(length);
    const auto got = bytes_of(text), want = naive_bytes_of(text);
    CHECK(std::memcmp(got.bits, want.bits, sizeof got.bits) == 0);
    text += static_cast<char>(random());
  }
}

TEST_CASE("transform: blanks are taken out at every length and place") {
  std::mt19937 random(3);
  constexpr std::string_view kBlanks = " \t\n\v\f\r\xA0\xC2", kOthers = "a\b\x0E!\x7F\x80\xA1\xC1\xFF";
  Arena arena;
  for (unsigned length = 0; length < 120; ++length) {
    for (unsigned round = 0; round < 20; ++round) {
      std::string text(length, '\0'), want;
      for (auto& c : text) c = random() % 20 < round ? kBlanks[random() % kBlanks.size()] : kOthers[random() % kOthers.size()];
      for (const auto c : text)
        if (kBlanks.find(c) == kBlanks.npos) want += c;
      if (transform(kRemoveWhitespace, text, arena) != want) FAIL_CHECK(show_bytes(text));
      arena.reset();
    }
  }
}

// Goal: a transformation that is said to change nothing changes nothing; equal texts are never copied; results are never
// longer than the header's promise of linear memory lets them be.
TEST_CASE("transform: properties of random texts") {
  std::mt19937 random(2);
  constexpr std::string_view kMarks = "%u+\\x0&#;lt/*-<!>.. \t\0'\"^,(=\xC3\xA0\xE2\xF0\x80" "fF1aZ"sv;
  Arena arena;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, '\0');
    for (auto& c : text) c = random() % 8 == 0 ? static_cast<char>(random()) : kMarks[random() % kMarks.size()];
    CAPTURE(show_bytes(text));
    const auto bytes = bytes_of(text);
    for (std::size_t i = 0; i < kTransformationCount; ++i) {
      const auto transformation = static_cast<Transformation>(i);
      const auto got = transform(transformation, text, arena);
      const bool same = got.data() == text.data() && got.size() == text.size();
      if (same != (got == text) || (is_identity(transformation, bytes, text) && !same) || got.data() == nullptr ||
          got.size() > 4 * text.size() + 20) {
        CAPTURE(name_of(transformation));
        FAIL_CHECK(show_bytes(got));
      }
      // What is foretold of a text's bytes, either way.
      const auto foretold = bytes_after(transformation, bytes, got), real = bytes_of(got);
      for (int k = 0; k < 4; ++k) {
        if ((real.bits[k] & ~foretold.bits[k]) != 0) FAIL_CHECK(name_of(transformation) << " " << show_bytes(got));
      }
      Needs wanted;
      for (int k = 0; k < 4; ++k) wanted.bytes.add(static_cast<unsigned char>(kMarks[random() % kMarks.size()]));
      if (wanted.met(real) && !needs_before(transformation, wanted).met(bytes)) FAIL_CHECK(name_of(transformation) << " " << show_bytes(got));
    }
    arena.reset();
  }
}
