// Source of the meaning of each variable: ModSecurity reference manual v3, and libmodsecurity 3.0.9 where it is silent.
#include <fmt/format.h>

#include <ctime>

#include "base/text.h"
#include "waf/detail/exchange.h"

namespace ringwall::waf::detail {

namespace {

bool same_name(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool starts_with_name(std::string_view text, std::string_view lower) { return text.size() >= lower.size() && same_name(text.substr(0, lower.size()), lower); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// %XX where it is one; '+' stays.
std::string_view decode_path(std::string_view text, Arena& arena) {
  if (text.find('%') == std::string_view::npos) return text;
  char* out = arena.take(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out[size++] = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out[size++] = text[i];
    }
  }
  return {out, size};
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

void Exchange::reset(const ExchangeInfo& info) {
  arena.reset();
  for (auto& collection : collections_) collection.clear();
  singles_.fill({});
  tx.assign(program_.slots.size(), {});
  tx_dynamic.clear();
  next_text_ = 0;
  arguments_bytes_ = 0;
  request_body.clear();
  response_body.clear();
  body_processor_forced = force_request_body_variable = false;
  multipart_ = {};
  json_ = {};
  xml_ = {};
  urlencoded_ = {};

  set(Variable::kRemoteAddr, info.client_address);
  set(Variable::kRemoteHost, info.client_address);
  set_number(Variable::kRemotePort, info.client_port);
  set(Variable::kServerAddr, info.server_address);
  set(Variable::kServerName, info.server_name);
  set_number(Variable::kServerPort, info.server_port);
  set(Variable::kUniqueId, info.unique_id);
  set(Variable::kModsecBuild, "ringwall");
  if (!program_.source.settings.web_app_id.empty()) set(Variable::kWebAppId, program_.source.settings.web_app_id);
  set(Variable::kReqbodyProcessor, "");  // rules ask whether it is none of the known ones
  set_flag(Variable::kUrlencodedError, false);
  set_flag(Variable::kMscPcreError, false);
  set_flag(Variable::kMscPcreLimitsExceeded, false);
  set_flag(Variable::kReqbodyError, false);
  set_flag(Variable::kReqbodyProcessorError, false);
  set_flag(Variable::kInboundDataError, false);
  set_flag(Variable::kOutboundDataError, false);
  set_number(Variable::kArgsCombinedSize, 0);
  set_number(Variable::kDuration, 0);
  set_times(info.now_ns);
}

void Exchange::set_number(Variable variable, std::uint64_t value) {
  char digits[24];
  const auto* end = fmt::format_to(digits, "{}", value);
  set(variable, arena.copy({digits, static_cast<std::size_t>(end - digits)}));
}

void Exchange::set_times(std::int64_t now_ns) {
  const std::time_t seconds = now_ns / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  const auto number = [this](Variable variable, int value) { set_number(variable, static_cast<std::uint64_t>(value)); };
  set_number(Variable::kTimeEpoch, static_cast<std::uint64_t>(seconds));
  number(Variable::kTimeYear, parts.tm_year + 1900);
  number(Variable::kTimeMon, parts.tm_mon + 1);
  number(Variable::kTimeDay, parts.tm_mday);
  number(Variable::kTimeHour, parts.tm_hour);
  number(Variable::kTimeMin, parts.tm_min);
  number(Variable::kTimeSec, parts.tm_sec);
  number(Variable::kTimeWday, parts.tm_wday);
  char clock[16];
  const auto* end = fmt::format_to(clock, "{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
  set(Variable::kTime, arena.copy({clock, static_cast<std::size_t>(end - clock)}));
}

void Exchange::request_line(std::string_view method, std::string_view uri, std::string_view protocol) {
  set(Variable::kRequestMethod, method);
  set(Variable::kRequestProtocol, protocol);
  set(Variable::kRequestUriRaw, uri);
  char* line = arena.take(method.size() + uri.size() + protocol.size() + 2);
  const auto* end = fmt::format_to(line, "{} {} {}", method, uri, protocol);
  set(Variable::kRequestLine, {line, static_cast<std::size_t>(end - line)});

  const auto whole = uri.substr(0, uri.find('#'));
  const auto question = whole.find('?');
  const auto path = decode_path(whole.substr(0, question), arena);
  set(Variable::kRequestFilename, path);
  set(Variable::kPathInfo, path);
  const auto slash = path.find_last_of("/\\");
  set(Variable::kRequestBasename, slash == std::string_view::npos ? path : path.substr(slash + 1));
  auto shown = decode_path(whole, arena);
  if (!shown.empty() && shown[0] != '/') {
    // https://host/path: the path.
    const auto scheme = shown.find("://");
    if (scheme != std::string_view::npos && shown.find(':') == scheme) {
      if (const auto begin = shown.find('/', scheme + 3); begin != std::string_view::npos) shown = shown.substr(begin);
    }
  }
  set(Variable::kRequestUri, shown);
  if (question == std::string_view::npos) return;
  const auto query = whole.substr(question + 1);
  set(Variable::kQueryString, query);
  UrlEncoded parsed;
  const auto& settings = program_.source.settings;
  parse_urlencoded(query, settings.argument_separator, {.arguments_max = settings.arguments_limit}, arena, parsed);
  if (parsed.invalid_encoding) set_flag(Variable::kUrlencodedError, true);
  for (const auto& [name, value] : parsed.pairs) add_argument(Variable::kArgsGet, name, value, settings.arguments_limit);
  if (parsed.error.set) too_many_arguments(settings.arguments_limit);
}

// Arguments beyond SecArgumentsLimit are not looked at, and a server may well read them.  ModSecurity leaves noticing to a rule
// that counts (200007); here it is a body that cannot be read, wherever they stood.
void Exchange::too_many_arguments(std::size_t limit) {
  if (single(Variable::kReqbodyError) == "1") return;
  set_flag(Variable::kReqbodyError, true);
  set(Variable::kReqbodyErrorMsg, arena.copy(fmt::format("more than {} arguments", limit)));
}

void Exchange::add_argument(Variable from, std::string_view name, std::string_view value, std::size_t limit) {
  if (entries(Variable::kArgs).size() >= limit) return too_many_arguments(limit);
  // The same text under two names is transformed and scanned once.
  const Entry of_value{name, value, next_text_++}, of_name{name, name, next_text_++};
  entries(Variable::kArgs).push_back(of_value);
  entries(Variable::kArgsNames).push_back(of_name);
  entries(from).push_back(of_value);
  entries(from == Variable::kArgsGet ? Variable::kArgsGetNames : Variable::kArgsPostNames).push_back(of_name);
  arguments_bytes_ += name.size() + value.size();
  set_number(Variable::kArgsCombinedSize, arguments_bytes_);
}

void Exchange::request_header(std::string_view name, std::string_view value) {
  add(Variable::kRequestHeaders, name, value);
  add(Variable::kRequestHeadersNames, name, name);
  if (same_name(name, "cookie")) {
    read_cookies(value);
  } else if (same_name(name, "authorization")) {
    set(Variable::kAuthType, value.substr(0, value.find(' ')));
  } else if (same_name(name, "host")) {
    set(Variable::kServerName, value.substr(0, value.find(':')));
  } else if (same_name(name, "content-type")) {
    if (starts_with_name(value, "multipart/form-data")) set(Variable::kReqbodyProcessor, "MULTIPART");
    if (starts_with_name(value, "application/x-www-form-urlencoded")) set(Variable::kReqbodyProcessor, "URLENCODED");
  }
}

void Exchange::read_cookies(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = pair.substr(0, equals);
    while (!name.empty() && is_space(name.front())) name.remove_prefix(1);
    if (name.empty()) continue;
    add(Variable::kRequestCookies, name, pair.substr(std::min(equals + 1, pair.size())));
    add(Variable::kRequestCookiesNames, name, name);
  }
}

void Exchange::response_line(int status, std::string_view protocol) {
  set_number(Variable::kResponseStatus, static_cast<std::uint64_t>(status));
  set(Variable::kResponseProtocol, protocol);
}

void Exchange::response_header(std::string_view name, std::string_view value) {
  add(Variable::kResponseHeaders, name, value);
  add(Variable::kResponseHeadersNames, name, name);
  if (same_name(name, "content-type")) set(Variable::kResponseContentType, base::trim(value.substr(0, value.find(';'))));
  if (same_name(name, "content-length")) set(Variable::kResponseContentLength, value);
}

void Exchange::body_error(const char* processor, const BodyError& error) {
  if (!error.set) return;
  set_flag(Variable::kReqbodyError, true);
  set_flag(Variable::kReqbodyProcessorError, true);
  const auto words = arena.copy(fmt::format("{} parsing error: {}", processor, error.message));
  set(Variable::kReqbodyErrorMsg, words);
  set(Variable::kReqbodyProcessorErrorMsg, words);
}

void Exchange::read_request_body(const Settings& settings) {
  const std::string_view body = request_body;
  set_number(Variable::kRequestBodyLength, body.size());
  const auto processor = single(Variable::kReqbodyProcessor);
  const bool urlencoded = processor == "URLENCODED", multipart = processor == "MULTIPART", json = processor == "JSON", xml = processor == "XML";
  // A multipart or XML body that was taken apart is not there once more as a whole, as ModSecurity 2 and the Core Rule Set mean it;
  // one of JSON is, as in ModSecurity 3 and as rule 934210 needs it.
  if (urlencoded || json || (processor.empty() && force_request_body_variable)) set(Variable::kRequestBody, body);
  const BodyLimits limits{settings.arguments_limit, settings.json_depth_limit, settings.upload_file_limit};
  if (!multipart && !processor.empty() && body.size() > settings.request_body_no_files_limit) {
    set_flag(Variable::kReqbodyError, true);
    set_flag(Variable::kInboundDataError, true);
    set(Variable::kReqbodyErrorMsg, "Request body excluding files is bigger than the maximum expected.");
    return;
  }
  if (urlencoded) {
    parse_urlencoded(body, settings.argument_separator, limits, arena, urlencoded_);
    if (urlencoded_.invalid_encoding) set_flag(Variable::kUrlencodedError, true);
    for (const auto& [name, value] : urlencoded_.pairs) add_argument(Variable::kArgsPost, name, value, settings.arguments_limit);
    body_error("URLENCODED", urlencoded_.error);
  } else if (json) {
    if (!body.empty()) parse_json(body, limits, arena, json_);
    for (const auto& [name, value] : json_.pairs) add_argument(Variable::kArgsPost, name, value, settings.arguments_limit);
    body_error("JSON", json_.error);
  } else if (xml) {
    parse_xml(body, limits, arena, xml_);
    for (const auto value : xml_.element_texts) add(Variable::kXml, "/*", value);
    for (const auto value : xml_.attribute_values) add(Variable::kXml, "//@*", value);
    body_error("XML", xml_.error);
  } else if (multipart) {
    std::string_view type;
    for (const auto& header : entries(Variable::kRequestHeaders)) {
      if (same_name(header.name, "content-type")) type = header.value;
    }
    parse_multipart(type, body, limits, arena, multipart_);
    for (const auto& [name, value] : multipart_.pairs) add_argument(Variable::kArgsPost, name, value, settings.arguments_limit);
    std::uint64_t bytes = 0;
    for (const auto& file : multipart_.files) {
      add(Variable::kFiles, file.field, file.file_name);
      // Which of the two a server takes is its own affair, so rules see both.
      if (!file.other_name.empty()) add(Variable::kFiles, file.field, file.other_name);
      add(Variable::kFilesNames, file.field, file.field);
      add(Variable::kFilesSizes, file.field, arena.copy(std::to_string(file.bytes)));
      add(Variable::kFilesTmpContent, file.field, file.content);
      bytes += file.bytes;
    }
    set_number(Variable::kFilesCombinedSize, bytes);
    for (const auto& [name, value] : multipart_.part_headers) add(Variable::kMultipartPartHeaders, name, value);
    const auto& f = multipart_.flags;
    set_flag(Variable::kMultipartUnmatchedBoundary, f.unmatched_boundary);
    set_flag(Variable::kMultipartBoundaryQuoted, f.boundary_quoted);
    set_flag(Variable::kMultipartBoundaryWhitespace, f.boundary_whitespace);
    set_flag(Variable::kMultipartDataBefore, f.data_before);
    set_flag(Variable::kMultipartDataAfter, f.data_after);
    set_flag(Variable::kMultipartHeaderFolding, f.header_folding);
    set_flag(Variable::kMultipartLfLine, f.lf_line);
    set_flag(Variable::kMultipartCrlfLfLines, f.crlf_lf_lines);
    set_flag(Variable::kMultipartSemicolonMissing, f.semicolon_missing);
    set_flag(Variable::kMultipartInvalidQuoting, f.invalid_quoting);
    set_flag(Variable::kMultipartInvalidPart, f.invalid_part);
    set_flag(Variable::kMultipartInvalidHeaderFolding, f.invalid_header_folding);
    set_flag(Variable::kMultipartFileLimitExceeded, f.file_limit_exceeded);
    set_flag(Variable::kMultipartStrictError, multipart_.error.set || f.boundary_quoted || f.boundary_whitespace || f.data_before || f.data_after ||
                                                 f.header_folding || f.lf_line || f.semicolon_missing || f.invalid_quoting || f.invalid_part ||
                                                 f.invalid_header_folding || f.file_limit_exceeded);
    set(Variable::kMultipartName, multipart_.last_name);
    set(Variable::kMultipartFilename, multipart_.last_file_name);
    body_error("Multipart", multipart_.error);
  }
}

}  // namespace ringwall::waf::detail
