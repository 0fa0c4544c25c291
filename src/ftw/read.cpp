#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "base/text.h"
#include "ftw/detail/base64.h"
#include "ftw/ftw.h"

namespace ringwall::ftw {

namespace {

constexpr std::size_t kRepeatMax = 1 << 20;

std::string text_of(const YAML::Node& node, const char* key, const std::string& otherwise = {}) {
  const auto value = node[key];
  return value && value.IsScalar() ? value.as<std::string>() : otherwise;
}

bool flag_of(const YAML::Node& node, const char* key, bool otherwise) {
  const auto value = node[key];
  return value ? value.as<bool>() : otherwise;
}

// {{ "text" | repeat 5 }}: the one template that tests use.
std::string expand_repeat(std::string text) {
  for (std::size_t at = 0; (at = text.find("{{", at)) != std::string::npos;) {
    const auto end = text.find("}}", at);
    const auto quote = text.find('"', at);
    const auto close = quote == std::string::npos ? quote : text.find('"', quote + 1);
    const auto word = text.find("repeat", at);
    if (end == std::string::npos || close == std::string::npos || word == std::string::npos || close > end || word > end) return text;
    const auto piece = text.substr(quote + 1, close - quote - 1);
    const auto count = std::min<std::size_t>(std::strtoul(text.c_str() + word + 6, nullptr, 10), kRepeatMax);
    std::string out;
    for (std::size_t i = 0; i < count && out.size() < kFileBytesMax; ++i) out += piece;
    text.replace(at, end + 2 - at, out);
    at += out.size();
  }
  return text;
}

// Whether decoding a query would give the same text: then it was not encoded yet.
bool is_plain_query(std::string_view text) {
  if (text.find('+') != std::string_view::npos) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    // %XX decodes to something else; a % without digits cannot be decoded at all.
    return false;
  }
  return true;
}

std::string encode_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '~') out += c;
    else if (c == ' ') out += '+';
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string encode_form(std::string_view text) {
  std::string out;
  while (true) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    const auto equals = pair.find('=');
    out += encode_query(pair.substr(0, equals));
    if (equals != std::string_view::npos) out += "=" + encode_query(pair.substr(equals + 1));
    if (end == text.size()) return out;
    out += '&';
    text.remove_prefix(end + 1);
  }
}

// POST, and whatever holds PUT, PATCH or DELETE: the alternatives of go-ftw's expression bind so.
bool has_length(std::string_view method) {
  return method.starts_with("POST") || method.find("PUT") != std::string_view::npos || method.find("PATCH") != std::string_view::npos || method.ends_with("DELETE");
}

// Lines of a list end as those of HTTP do.
std::string body_of(const YAML::Node& input) {
  const auto data = input["data"];
  if (!data) return detail::decode_base64(text_of(input, "encoded_data"));
  if (!data.IsSequence()) return expand_repeat(text_of(input, "data"));
  std::string out;
  for (const auto& line : data) out += (out.empty() ? "" : "\r\n") + line.as<std::string>();
  return out;
}

// The format before go-ftw's own gives a length only to what has a body.
enum class Lengths { kByMethod, kOfBodies };

std::string build_request(const YAML::Node& input, Lengths lengths) {
  if (input["raw_request"]) return text_of(input, "raw_request");
  if (const auto encoded = text_of(input, "encoded_request"); !encoded.empty()) return detail::decode_base64(encoded);
  const auto method = text_of(input, "method", "GET"), uri = text_of(input, "uri", "/"), version = text_of(input, "version", "HTTP/1.1");
  std::vector<std::pair<std::string, std::string>> headers;
  if (const auto given = input["headers"]; given && given.IsMap()) {
    for (const auto& header : given) headers.emplace_back(header.first.as<std::string>(), header.second.IsNull() ? "" : header.second.as<std::string>());
  }
  std::sort(headers.begin(), headers.end());
  const auto header = [&](std::string_view name) -> const std::string* {
    for (const auto& [key, value] : headers) {
      if (base::lower_ascii(key) == name) return &value;
    }
    return nullptr;
  };
  const bool complete = flag_of(input, "autocomplete_headers", !flag_of(input, "stop_magic", false));
  std::string body = body_of(input);
  constexpr const char* kForm = "application/x-www-form-urlencoded";
  if (!body.empty() && complete) {
    if (header("content-type") == nullptr) headers.emplace_back("Content-Type", kForm);
    if (base::lower_ascii(*header("content-type")) == kForm && is_plain_query(body)) body = encode_form(body);
  }
  if (const auto* type = header("content-type"); type != nullptr && base::lower_ascii(*type).find("multipart/form-data;") != std::string::npos) {
    std::string lines;
    for (const char c : body) {
      if (c == '\n' && !lines.ends_with('\r')) lines += '\r';
      lines += c;
    }
    body = std::move(lines);
  }
  if (complete) {
    if (header("connection") == nullptr) headers.emplace_back("Connection", "close");
    if (header("content-length") == nullptr && (!body.empty() || (lengths == Lengths::kByMethod && has_length(method)))) headers.emplace_back("Content-Length", std::to_string(body.size()));
  }
  std::string out = fmt::format("{} {} {}\r\n", method, uri, version);
  for (const auto& [name, value] : headers) out += fmt::format("{}: {}\r\n", name, value);
  return out + "\r\n" + body;
}

Expected read_expected(const YAML::Node& output) {
  Expected out;
  if (!output || !output.IsMap()) return out;
  if (const auto status = output["status"]; status && status.IsSequence()) out.statuses = status.as<std::vector<int>>();
  else if (status) out.statuses = {status.as<int>()};
  out.response_contains = text_of(output, "response_contains");
  out.error = flag_of(output, "expect_error", false);
  out.retry_once = flag_of(output, "retry_once", false);
  out.isolated = flag_of(output, "isolated", false);
  if (const auto log = output["log"]; log && log.IsMap()) {
    if (log["expect_ids"]) out.ids = log["expect_ids"].as<std::vector<std::uint64_t>>();
    if (log["no_expect_ids"]) out.no_ids = log["no_expect_ids"].as<std::vector<std::uint64_t>>();
    out.match_regex = text_of(log, "match_regex");
    out.no_match_regex = text_of(log, "no_match_regex");
  } else {
    out.match_regex = text_of(output, "log_contains");
    out.no_match_regex = text_of(output, "no_log_contains");
  }
  return out;
}

// "942100-1" is test 1 of rule 942100.
void read_title(const std::string& title, Test& test) {
  const auto dash = title.find('-');
  if (dash == title.npos) return;
  test.rule_id = std::strtoull(title.c_str(), nullptr, 10);
  test.id = std::atoi(title.c_str() + dash + 1);
}

}  // namespace

Result<std::vector<Test>> read_tests(std::string_view yaml, const std::string& file) {
  if (yaml.size() > kFileBytesMax) return fail(Errc::kLimit, fmt::format("{}: larger than {} bytes", file, kFileBytesMax));
  std::vector<Test> out;
  try {
    const auto root = YAML::Load(std::string(yaml));
    if (!root.IsMap() || !root["tests"]) return out;  // a file of comments alone is no mistake
    if (const auto meta = root["meta"]; meta && meta.IsMap() && !flag_of(meta, "enabled", true)) return out;
    const auto rule_id = root["rule_id"] ? root["rule_id"].as<std::uint64_t>() : 0;
    int number = 0;
    for (const auto& node : root["tests"]) {
      Test test;
      test.rule_id = rule_id;
      test.id = node["test_id"] ? node["test_id"].as<int>() : ++number;
      read_title(text_of(node, "test_title"), test);
      test.description = text_of(node, "desc");
      test.file = file;
      for (const auto& stage_node : node["stages"]) {
        const auto stage = stage_node["stage"] ? stage_node["stage"] : stage_node;
        test.stages.push_back({build_request(stage["input"], node["test_title"] ? Lengths::kOfBodies : Lengths::kByMethod), text_of(stage["input"], "method", "GET"), read_expected(stage["output"])});
      }
      out.push_back(std::move(test));
    }
  } catch (const YAML::Exception& exception) {
    return fail(Errc::kInvalid, fmt::format("{}:{}: {}", file, exception.mark.line + 1, exception.msg), "the format is that of go-ftw");
  }
  return out;
}

Result<Overrides> read_overrides(std::string_view yaml, const std::string& file) {
  Overrides out;
  try {
    const auto root = YAML::Load(std::string(yaml));
    for (const auto& node : root["test_overrides"]) {
      for (const auto& id : node["test_ids"]) out[{node["rule_id"].as<std::uint64_t>(), id.as<int>()}] = read_expected(node["output"]);
    }
  } catch (const YAML::Exception& exception) {
    return fail(Errc::kInvalid, fmt::format("{}:{}: {}", file, exception.mark.line + 1, exception.msg), "the format is that of go-ftw's platform overrides");
  }
  return out;
}

}  // namespace ringwall::ftw
