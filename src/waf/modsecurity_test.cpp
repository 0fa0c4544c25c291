// The same rule, the same text: libmodsecurity and this engine say the same, or a table here says why not (docs/firewall.md,
// "Where it differs from ModSecurity").  Operators by patterns and texts, transformations by texts; both with mutated ones.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall::waf;
using namespace std::string_view_literals;

namespace {

// The library's C interface, as far as it is used (modsecurity/transaction.h, rules_set.h, intervention.h of version 3).
class Library {
 public:
  static std::unique_ptr<Library> open() {
    void* handle = ::dlopen("libmodsecurity.so.3", RTLD_NOW);
    return handle != nullptr ? std::unique_ptr<Library>(new Library(handle)) : nullptr;
  }
  ~Library() { ::dlclose(handle_); }

  class Rules {
   public:
    Rules(const Library& library, const std::string& text) : library_(library), rules_(library.create_rules_()) {
      const char* error = nullptr;
      if (library_.add_(rules_, text.c_str(), &error) < 0) fault = error != nullptr ? error : "refused";
    }
    ~Rules() { library_.cleanup_rules_(rules_); }
    // Where the one rule redirects to, cut at a NUL; "no" when it does not match.
    std::string judge(std::string_view value) const {
      void* transaction = library_.begin_(library_.engine_, rules_, nullptr);
      library_.connection_(transaction, "192.0.2.1", 1, "192.0.2.9", 80);
      library_.uri_(transaction, "/", "GET", "1.1");
      library_.header_(transaction, reinterpret_cast<const unsigned char*>("X"), 1, reinterpret_cast<const unsigned char*>(value.data()), value.size());
      library_.headers_done_(transaction);
      Intervention result{200, 0, nullptr, nullptr, 0};
      const bool disrupts = library_.intervention_(transaction, &result) != 0 && result.url != nullptr;
      std::string out = disrupts ? result.url : "no";
      std::free(result.url);
      std::free(result.log);
      library_.end_(transaction);
      return out;
    }
    std::string fault;

   private:
    const Library& library_;
    void* const rules_;
  };

 private:
  struct Intervention {
    int status, pause;
    char *url, *log;
    int disruptive;
  };

  explicit Library(void* handle) : handle_(handle) {
    get(init_, "msc_init");
    get(set_log_, "msc_set_log_cb");
    get(create_rules_, "msc_create_rules_set");
    get(add_, "msc_rules_add");
    get(cleanup_rules_, "msc_rules_cleanup");
    get(begin_, "msc_new_transaction");
    get(connection_, "msc_process_connection");
    get(uri_, "msc_process_uri");
    get(header_, "msc_add_n_request_header");
    get(headers_done_, "msc_process_request_headers");
    get(intervention_, "msc_intervention");
    get(end_, "msc_transaction_cleanup");
    engine_ = init_();
    set_log_(engine_, [](void*, const void*) {});
  }
  template <class Function>
  void get(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(handle_, name));
    const bool found = function != nullptr;
    REQUIRE(found);
  }

  void* const handle_;
  void* engine_ = nullptr;
  void* (*init_)() = nullptr;
  void (*set_log_)(void*, void (*)(void*, const void*)) = nullptr;
  void* (*create_rules_)() = nullptr;
  int (*add_)(void*, const char*, const char**) = nullptr;
  int (*cleanup_rules_)(void*) = nullptr;
  void* (*begin_)(void*, void*, void*) = nullptr;
  int (*connection_)(void*, const char*, int, const char*, int) = nullptr;
  int (*uri_)(void*, const char*, const char*, const char*) = nullptr;
  int (*header_)(void*, const unsigned char*, std::size_t, const unsigned char*, std::size_t) = nullptr;
  int (*headers_done_)(void*) = nullptr;
  int (*intervention_)(void*, Intervention*) = nullptr;
  void (*end_)(void*) = nullptr;
};

// The same of ours, on the fast and on the plain path.
class Ours {
 public:
  explicit Ours(const std::string& text) : fast_(make(text, true)), plain_(make(text, false)) {}
  std::string judge(std::string_view value) {
    const auto fast = judge(*fast_, value);
    CHECK(fast == judge(*plain_, value));
    return fast;
  }

 private:
  static std::unique_ptr<Transaction> make(const std::string& text, bool fast) {
    auto source = read_seclang(text, "rules.conf", real_files());
    REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
    CompileOptions options;
    options.fast = fast;
    auto rules = RuleSet::compile(std::move(*source), options);
    REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
    return Transaction::make(*rules);
  }
  static std::string judge(Transaction& t, std::string_view value) {
    t.reset({.client_address = "192.0.2.1", .server_address = "192.0.2.9", .server_name = "", .unique_id = "u", .client_port = 1, .server_port = 80});
    t.request_line("GET", "/", "HTTP/1.1");
    t.request_header("X", value);
    const auto verdict = t.request_headers_done();
    if (verdict.action != Verdict::Action::kRedirect) return "no";
    return std::string(verdict.location.substr(0, verdict.location.find('\0')));
  }
  std::unique_ptr<Transaction> fast_, plain_;
};

// A match redirects to what was captured, so that captures are compared too.
std::string rule(const std::string& op, const std::string& transformations = "") {
  return "SecRuleEngine On\nSecRule REQUEST_HEADERS:X \"" + op + "\" \"id:1,phase:1,nolog,capture,t:none" + transformations + ",redirect:'[%{TX.0}][%{TX.1}][%{TX.2}][%{TX.3}]'\"\n";
}

std::string show(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c < 127 ? std::string(1, c) : fmt::format("<{:02x}>", static_cast<unsigned char>(c));
  return out;
}

class Random {
 public:
  std::size_t operator()(std::size_t n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state_ >> 33) % n);
  }

 private:
  std::uint64_t state_ = 11;
};

// Operators with their arguments; FOLDER is where the files below are.
constexpr const char* kOperators[] = {
    "@rx abc", "@rx ^abc$", "@rx ^abc", "@rx abc$", "@rx a.c", "@rx (a)(b)?(c)", "@rx (?i)ABC", "!@rx abc", "@rx ^$", "@rx a*", "@rx (a|ab)(c|bcd)(d*)", "@rx \\bcat\\b", "@rx [[:alpha:]]+[[:digit:]]", "@rx \\x00",
    "@rx [^\\x20-\\x7e]", "@rx \\s+x", "@rx \\d{2,3}", "@rx [\\x80-\\xff]{2}", "@rx (?=a)ab", "@rx (?<!a)b", "@rx (.)\\1", "@rx (?s)a.b", "@rx (?-s)a.b", "@rx \\Aabc\\z", "@rx abc\\Z", "@rx (?:a+)+$", "@rx ((a)|(b))+",
    "@rx %{REQUEST_METHOD}", "@rx \\W", "@rx \\h", "@rx [\\w.-]+@[\\w-]+", "@rx (?i)\\xe4", "@rx a|", "@rx a{2}", "@rx a{,2}", "@rx \\/\\*", "@rx (?P<n>a)b", "@rx a#b", "@rx \\Qa.b\\E", "@rx (?m)^b$", "@rx ^b$", "@rx [a\\]b]+",
    "@rx (?x) a b", "@rx \\R", "@rx .", "@rx (a)?b", "@rx \\N", "@rx (?U)a+", "@rx [^a]b", "abc", "!abc",
    "@rxGlobal (a)(b)?", "@rxGlobal abc", "@rxGlobal [0-9]+",
    "@pm abc def", "@pm ABC abcd bc", "@pm a|42 43|d", "@pm a|4g|", "@pm cat.", "@pm abc", "@pm a b c", "@pm A|42|D", "@pm a|4243|d", "@pm A|42 43|D", "@pmFromFile FOLDER/words.data", "@pmf FOLDER/words.data",
    "@contains abc", "@contains %{REQUEST_METHOD}", "@contains a b", "!@contains abc", "@containsWord cat", "@containsWord a-a", "@containsWord a", "@beginsWith abc", "@endsWith abc",
    "@streq abc", "@streq %{REQUEST_METHOD}", "!@streq abc", "@strmatch abc", "@strmatch cat", "@within abc def", "@within GET,POST", "@within %{REQUEST_METHOD}",
    "@eq 0", "@eq 12", "@eq -1", "@eq abc", "@ge 12", "@gt 12", "@le 12", "@lt 12", "@lt %{REMOTE_PORT}", "@eq %{SERVER_PORT}", "@gt 2147483647", "@lt -5",
    "@ipMatch 192.0.2.1", "@ipMatch 192.0.2.0/24,10.0.0.1", "@ipMatch ::1,2001:db8::/32", "@ipMatchFromFile FOLDER/addresses.data", "@ipMatchF FOLDER/addresses.data",
    "@validateByteRange 32-126", "@validateByteRange 10,13,32-126", "@validateByteRange 0-255", "@validateByteRange 1-255", "@validateByteRange 97", "@validateUrlEncoding", "@validateUtf8Encoding",
    "@verifyCC [0-9]{13,16}", "@verifyCC \\d{4}-?\\d{4}-?\\d{4}-?\\d{4}", "@verifyCPF [0-9]{3}\\.?[0-9]{3}\\.?[0-9]{3}-?[0-9]{2}", "@verifySSN [0-9]{3}-?[0-9]{2}-?[0-9]{4}", "@verifySVNR [0-9]{4} ?[0-9]{6}",
    "@detectSQLi", "@detectXSS", "@unconditionalMatch", "@noMatch",
};

constexpr std::string_view kTexts[] = {
    "", "abc", "ABC", "xabcx", "abc\n", "\nabc", "a\nc", "a\r\nc", "abcd", "abd", "ac", "ab", "a", "b", "a\nb\nc", "\nb\n", "cat", "a cat sat", "concatenate", "cat1", "_cat_", "cat-", "a-a-ab", "xa-a-a-ax", "aa", "aaa", "a\0b"sv, "\0"sv, "a\0"sv,
    "\0abc"sv, "abc\0def"sv, "\xe4\xf6", "\xc4", "caf\xc3\xa9", " x", "\tx", "\vx", "\xa0x", "12", "012", "+12", " 12", "12abc", "-1", "0", "13", "11", "2147483647", "2147483648", "-2147483649", "4294967296", "9223372036854775808", "1e3", "0x0c",
    "user@example.org", "GET", "PO", "GET,POST", "c de", "192.0.2.1", "192.0.2.200", "192.0.3.1", "10.0.0.1", "10.1.2.3", "::1", "::ffff:192.0.2.1", "2001:db8::5", "2001:DB8:0:0::7", "192.0.2", "192.0.2.1 ", "192.0.2.256", "192.0.2.01", "1.2.3.4:80",
    "%41", "%4", "%", "%zz", "a%20b%2", "100%", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x80", "\xff", "4111111111111111", "4111-1111-1111-1111", "4111111111111112", "0000000000000000", "5500005555555559",
    "x4111111111111111 4111111111111112", "123.456.789-09", "11144477735", "52998224725", "111.111.111-11", "078-05-1120", "219-09-9999", "000-12-3456", "666-12-3456", "740-12-3456", "123456789", "1237 010180", "1237010180", "1238010180",
    "' or 1=1--", "1 union select 1", "<script>alert(1)</script>", "<a href=javascript:x>", "a#b", "a.b", "a]b", "/* c */", "a b", "abc def", "aBCd", "A|42 43|d", "aBC", "bcd", "word", "two words", "a\"b", "a\\b", "\t", "\r", "aab", "bb", "abcbcd", "x\x7f",
};

// What the library does not read: here /0 is every address.
constexpr const char* kOnlyHere[] = {"@ipMatch 0.0.0.0/0", "@ipMatch ::/0"};

// Texts to compare a pattern with: all of the above, and others made of them and of the pattern itself.
std::vector<std::string> texts_for(std::string_view op, Random& random, std::size_t mutated) {
  std::vector<std::string> out(std::begin(kTexts), std::end(kTexts));
  const auto argument = op.substr(std::min(op.find(' '), op.size() - 1) + 1);
  out.emplace_back(argument);
  for (std::size_t i = 0; i < mutated; ++i) {
    std::string text = out[random(out.size())];
    for (std::size_t changes = 1 + random(3); changes > 0; --changes) {
      const auto at = random(text.size() + 1);
      switch (random(5)) {
        case 0: text.insert(at, kTexts[random(std::size(kTexts))]); break;
        case 1: text.insert(at, 1, static_cast<char>(random(256))); break;
        case 2: text.erase(at, 1 + random(3)); break;
        case 3: text.insert(at, argument.substr(0, 1 + random(argument.size() + 1))); break;
        default: text = text.substr(0, at) + (at < text.size() ? std::string(1, static_cast<char>(text[at] ^ 0x20)) + text.substr(at + 1) : "");
      }
    }
    out.push_back(text.substr(0, 60));
  }
  return out;
}

std::vector<std::string> encoded_texts(Random& random, std::size_t mutated) {
  constexpr std::string_view kPieces[] = {
      "%41", "%u0041", "%uff1c", "%U1234", "%", "%4", "%zz", "%00", "+", "&lt;", "&#60;", "&#x3c;", "&#x", "&#", "&", ";", "&amp;", "&nbsp;", "\\u0041", "\\uff1c", "\\x41", "\\101", "\\8", "\\", "\\n", "\\z", "\\41 ", "\\0000ff1c", "\\\n",
      "0x414243", "0x410x42", "0X4", "0x", "SGVsbG8=", "SGVs", "=", "*", "4142", "4", "/*", "*/", "<!--", "-->", "--", "#", "/", "//", "./", "../", ".", "..", "\\..", "a", "Z", "9", " ", "  ", "\t", "\n", "\v", "\xa0", "\0"sv, "\xc3\xa9", "\xc0\xaf", "\xe2\x82", "\xe2\x82\xac",
      "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\x80", "\xff", "'", "\"", "^", ",", "c^md", "cmd (", "cmd /", "select",
  };
  std::vector<std::string> out(std::begin(kTexts), std::end(kTexts));
  out.insert(out.end(), std::begin(kPieces), std::end(kPieces));
  for (std::size_t i = 0; i < mutated; ++i) {
    std::string text;
    for (auto pieces = 1 + random(6); pieces > 0; --pieces) text += kPieces[random(std::size(kPieces))];
    if (random(4) == 0) text.insert(random(text.size() + 1), 1, static_cast<char>(random(256)));
    out.push_back(std::move(text));
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
bool high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
// "[4100][][][]", as transformations answer: the bytes.
std::string from_hex(std::string_view answer) {
  std::string out;
  for (std::size_t i = 1; i + 1 < answer.size() && answer[i] != ']'; i += 2) out += static_cast<char>(std::stoi(std::string(answer.substr(i, 2)), nullptr, 16));
  return out;
}
bool first_capture_same(std::string_view ours, std::string_view theirs) { return ours != "no" && theirs.substr(0, theirs.find(']')) == ours.substr(0, ours.find(']')); }
constexpr std::string_view kNoCapture = "[][][][]";

// A difference that is meant.  `about` is how the operator's text begins, or a transformation; `when` knows the texts and answers it is about.
struct Meant {
  std::string_view about;
  bool (*when)(std::string_view text, std::string_view ours, std::string_view theirs);
  const char* why;
};
constexpr Meant kMeant[] = {
    {"@rx (?i)\\xe4", [](std::string_view text, std::string_view, std::string_view theirs) { return theirs == "no" && std::any_of(text.begin(), text.end(), high); },
     "(?i) here is Latin-1's: capital and small letters above 7F are the same too"},
    {"@rxGlobal", [](std::string_view, std::string_view ours, std::string_view theirs) { return first_capture_same(ours, theirs); }, "TX.0 and on are of the first match alone, there of all matches one after the other"},
    {"@pm", [](std::string_view, std::string_view ours, std::string_view theirs) { return lower(ours) == lower(theirs); }, "TX.0 is what stands in the text, there the phrase as the rule writes it"},
    {"@pm a|42", [](std::string_view, std::string_view, std::string_view) { return true; }, "|hex| stands for bytes; 3.0.9 makes other words of it (of \"a|42 43|d\" it finds \"ad42\" and \"43|d\")"},
    {"@pm A|42", [](std::string_view, std::string_view, std::string_view) { return true; }, "the same"},
    {"@eq", [](std::string_view text, std::string_view ours, std::string_view) { return ours == "no" && std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) >= 10; },
     "a number beyond 32 bits is 0 there for @eq"},
    {"@ipMatch", [](std::string_view text, std::string_view, std::string_view theirs) { return theirs == "no" && lower(text).find("::ffff:") == 0; }, "::ffff:192.0.2.1 is the IPv4 address it holds"},
    {"@validateUtf8Encoding", [](std::string_view text, std::string_view, std::string_view theirs) { return theirs == "no" && text.find_first_of("\xf4\xf5\xf6\xf7") != std::string_view::npos; }, "values above 10FFFF are no UTF-8"},
    {"@verify", [](std::string_view, std::string_view ours, std::string_view theirs) { return ours == kNoCapture && theirs != "no"; }, "the number is not captured in TX.0"},
    {"@verify", [](std::string_view, std::string_view ours, std::string_view theirs) { return ours == "no" && theirs != "no"; }, "candidates do not overlap: there every byte of a candidate may begin another"},
    {"cssDecode", [](std::string_view, std::string_view ours, std::string_view theirs) { return from_hex(ours).substr(0, from_hex(ours).find('\0')) == from_hex(theirs); }, "a NUL does not end the text"},
    {"sqlHexDecode", [](std::string_view, std::string_view ours, std::string_view theirs) { return from_hex(ours).substr(0, from_hex(ours).find('\0')) == from_hex(theirs); }, "a NUL does not end the text"},
    {"sqlHexDecode", [](std::string_view, std::string_view ours, std::string_view theirs) { return from_hex(ours).size() == from_hex(theirs).size() + 1 && from_hex(ours).starts_with(from_hex(theirs)); }, "3.0.9 loses the last byte"},
    {"sqlHexDecode", [](std::string_view text, std::string_view, std::string_view) { return lower(text).find("410x") != std::string::npos || lower(text).find("430x") != std::string::npos; }, "3.0.9 decodes only the first of two neighbours"},
};
const Meant* meant(std::string_view op, std::string_view text, std::string_view ours, std::string_view theirs, std::set<const Meant*>& seen) {
  for (const auto& one : kMeant) {
    if (!op.starts_with(one.about) || !one.when(text, ours, theirs)) continue;
    seen.insert(&one);
    return &one;
  }
  return nullptr;
}
// What the table explains is still so; a difference that is gone has to leave it.
void check_all_seen(const std::set<const Meant*>& seen, bool operators) {
  for (const auto& one : kMeant) {
    if ((one.about[0] == '@') != operators) continue;
    CAPTURE(one.about);
    const std::string why = one.why;
    CAPTURE(why);
    const bool still_so = seen.contains(&one);
    CHECK(still_so);
  }
}

}  // namespace

TEST_CASE("modsecurity: operators say the same") {
  const auto library = Library::open();
  if (library == nullptr) {
    std::printf("skipped: operators compared with ModSecurity: libmodsecurity.so.3 is not there\n");
    return;
  }
  const auto folder = std::string(RINGWALL_BINARY_DIR) + "/modsecurity_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/words.data") << "# comment\nabc\n\ntwo words\n  cat \nA|42|C\n";
  std::ofstream(folder + "/addresses.data") << "# comment\n192.0.2.0/24\n\n10.0.0.1\n2001:db8::/32\n";
  Random random;
  std::size_t compared = 0, matched = 0, different = 0;
  std::set<const Meant*> seen;
  for (const std::string op : kOperators) {
    CAPTURE(op);
    auto text = rule(op);
    if (const auto at = text.find("FOLDER"); at != std::string::npos) text.replace(at, 6, folder);
    const Library::Rules theirs(*library, text);
    CHECK(theirs.fault == "");
    if (!theirs.fault.empty()) continue;
    Ours ours(text);
    for (const auto& value : texts_for(op, random, 300)) {
      const auto a = ours.judge(value), b = theirs.judge(value);
      ++compared;
      matched += b != "no" ? 1 : 0;
      if (a == b) continue;
      ++different;
      if (meant(op, value, a, b, seen) != nullptr) continue;
      FAIL_CHECK(show(op) << " of '" << show(value) << "': " << show(a) << " instead of " << show(b));
    }
  }
  check_all_seen(seen, true);
  for (const std::string op : kOnlyHere) {
    CAPTURE(op);
    CHECK(Library::Rules(*library, rule(op)).fault != "");
    Ours ours(rule(op));
    (void)ours.judge("192.0.2.1");
  }
  std::printf("operators of libmodsecurity and these over %zu texts: %zu match, %zu differ as is meant\n", compared, matched, different);
}

TEST_CASE("modsecurity: transformations say the same") {
  const auto library = Library::open();
  if (library == nullptr) {
    std::printf("skipped: transformations compared with ModSecurity: libmodsecurity.so.3 is not there\n");
    return;
  }
  Random random;
  std::size_t compared = 0, changed = 0, different = 0;
  std::set<const Meant*> seen;
  for (std::size_t i = 0; i < kTransformationCount; ++i) {
    const auto name = std::string(name_of(static_cast<Transformation>(i)));
    CAPTURE(name);
    // In hexadecimal digits, because a NUL would end what comes back.
    const auto text = rule("@rx .*", ",t:" + name + ",t:hexEncode");
    const Library::Rules theirs(*library, text);
    REQUIRE(theirs.fault == "");
    Ours ours(text);
    const Library::Rules untouched(*library, rule("@rx .*", ",t:hexEncode"));
    for (const auto& value : encoded_texts(random, 1500)) {
      const auto a = ours.judge(value), b = theirs.judge(value);
      ++compared;
      changed += b != untouched.judge(value) ? 1 : 0;
      if (a == b) continue;
      ++different;
      if (meant(name, value, a, b, seen) != nullptr) continue;
      FAIL_CHECK(name << " of '" << show(value) << "': " << a << " instead of " << b);
    }
  }
  check_all_seen(seen, false);
  std::printf("transformations of libmodsecurity and these over %zu texts: %zu change, %zu differ as is meant\n", compared, changed, different);
}
