#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "openapi/detail/operation_compiler.h"
#include "openapi/detail/text_values.h"

namespace ringwall::openapi::detail {

namespace {

using NodeKind = Node::Kind;

constexpr std::string_view kMethods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
constexpr int kMembersDepthMax = 64;

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

}  // namespace

OperationCompiler::OperationCompiler(const Document& document, Program& out, Reporter& reporter, bool version_31)
    : out_(out), reporter_(reporter), references_(document.root, reporter), schemas_(out.schemas, references_, reporter, version_31), root_{&document.root, ""} {
  out_.nodes.emplace_back();
}

void OperationCompiler::no_others(const Spot& at, std::initializer_list<std::string_view> known, std::string_view what) {
  for (std::size_t i = 0; i < at.node->keys.size(); ++i) {
    const auto& key = at.node->keys[i];
    if (!key.starts_with("x-") && std::find(known.begin(), known.end(), key) == known.end()) reporter_.warning(child(at, i), fmt::format("is no key of {}, and has no effect", what));
  }
}

void OperationCompiler::run() {
  no_others(root_, {"openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags", "externalDocs"}, "a document");
  root_bases_ = bases(member(root_, "servers"));
  if (root_bases_.empty()) root_bases_.push_back(base(""));
  key_parameters();
  const auto paths = member(root_, "paths");
  if (!paths) return reporter_.error(root_, "has no paths, so that no request would fit");
  if (!is_map(paths, reporter_, "paths")) return;
  for (std::size_t i = 0; i < paths.node->keys.size(); ++i) {
    const auto& text = paths.node->keys[i];
    if (text.starts_with("x-")) continue;
    if (text.starts_with('/')) path(text, child(paths, i));
    else reporter_.error(child(paths, i), "a path begins with /");
  }
  if (out_.operations.size() > kOperationsMax) reporter_.error(paths, fmt::format("more than {} operations", kOperationsMax));
  schemas_.finish();
  if (!reporter_.errors.empty()) return;
  finish_parameters();
  finish_bodies();
  // What came first among equals stays first.
  for (auto& node : out_.nodes) {
    std::stable_sort(node.templated.begin(), node.templated.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }
}

void OperationCompiler::key_parameters() {
  const auto schemes = member(member(root_, "components"), "securitySchemes");
  if (!schemes || !is_map(schemes, reporter_, "securitySchemes")) return;
  for (std::size_t i = 0; i < schemes.node->items.size(); ++i) {
    const auto scheme = references_.follow(child(schemes, i));
    if (scheme && text_of(scheme, "in", reporter_) == "query") out_.key_parameters.push_back(text_of(scheme, "name", reporter_));
  }
}

// Where servers begin: "https://{region}.example.com/v{version}" gives "/v1" and "/v2".
std::vector<std::string> OperationCompiler::server_paths(const Spot& server) {
  constexpr std::size_t kVariantsMax = 64;
  std::vector<std::string> out{text_of(server, "url", reporter_)};
  const auto variables = member(server, "variables");
  for (std::size_t i = 0; variables && is_map(variables, reporter_, "variables") && i < variables.node->keys.size(); ++i) {
    const auto variable = child(variables, i);
    std::vector<std::string> values;
    if (const auto list = member(variable, "enum")) {
      for (const auto& item : list.node->items) values.push_back(item.text);
    }
    if (const auto fallback = member(variable, "default"); fallback && values.empty()) values.push_back(fallback.node->text);
    const auto name = "{" + variables.node->keys[i] + "}";
    std::vector<std::string> next;
    for (const auto& text : out) {
      const auto at = text.find(name);
      if (at == text.npos) next.push_back(text);
      for (const auto& value : values) {
        if (at != text.npos && next.size() < kVariantsMax) next.push_back(std::string(text).replace(at, name.size(), value));
      }
    }
    out = std::move(next);
  }
  for (auto& text : out) {
    const auto scheme = text.find("://");
    if (scheme != text.npos) text = text.find('/', scheme + 3) == text.npos ? "" : text.substr(text.find('/', scheme + 3));
    text = text.substr(0, text.find_first_of("?#"));
    if (text.find('{') != text.npos) reporter_.error(server, "has a variable in its path that is not described");
  }
  return out;
}

std::uint32_t OperationCompiler::base(const std::string& path) {
  std::vector<std::string> segments;
  const auto rooted = path.starts_with('/') ? path : "/" + path;
  for (std::size_t begin = 1; begin <= rooted.size();) {
    const auto end = std::min(rooted.find('/', begin), rooted.size());
    if (end != begin) segments.push_back(rooted.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto known = std::find(out_.bases.begin(), out_.bases.end(), segments);
  const auto number = static_cast<std::uint32_t>(known - out_.bases.begin());
  if (known == out_.bases.end()) {
    out_.base_paths.push_back(fmt::format("/{}", fmt::join(segments, "/")));
    out_.bases.push_back(std::move(segments));
  }
  return number;
}

std::vector<std::uint32_t> OperationCompiler::bases(const Spot& servers) {
  std::vector<std::uint32_t> out;
  if (!servers) return out;
  if (servers.node->kind != NodeKind::kList) return reporter_.error(servers, "is a list of servers"), out;
  for (std::size_t i = 0; i < servers.node->items.size(); ++i) {
    const auto server = child(servers, i);
    if (!is_map(server, reporter_, "a server")) continue;
    for (const auto& path : server_paths(server)) {
      const auto number = base(path);
      if (std::find(out.begin(), out.end(), number) == out.end()) out.push_back(number);
    }
  }
  return out;
}

bool OperationCompiler::pieces(const std::string& segment, const Spot& at, std::vector<Piece>& out, std::vector<std::string>& names) {
  for (std::size_t begin = 0; begin < segment.size();) {
    const auto open_at = std::min(segment.find('{', begin), segment.size());
    if (open_at > begin) out.push_back({segment.substr(begin, open_at - begin), false});
    if (open_at == segment.size()) break;
    const auto close_at = segment.find('}', open_at);
    if (close_at == segment.npos || close_at == open_at + 1) return reporter_.error(at, "has a '{' without a name and its '}'"), false;
    if (!out.empty() && out.back().parameter) return reporter_.error(at, "has two parameters with nothing between them"), false;
    const auto name = segment.substr(open_at + 1, close_at - open_at - 1);
    if (std::find(names.begin(), names.end(), name) != names.end()) return reporter_.error(at, fmt::format("has the parameter {} twice", name)), false;
    names.push_back(name);
    out.push_back({name, true});
    begin = close_at + 1;
  }
  return true;
}

std::uint32_t OperationCompiler::place(const std::string& text, const Spot& at, std::vector<std::string>& names) {
  std::uint32_t node = 0;
  Texts texts;
  for (std::size_t begin = 1; begin <= text.size();) {
    const auto end = std::min(text.find('/', begin), text.size());
    const auto segment = text.substr(begin, end - begin);
    begin = end + 1;
    const auto next = static_cast<std::uint32_t>(out_.nodes.size());
    if (segment.find('{') == segment.npos) {
      std::string_view decoded;
      if (!decode_percent(segment, false, texts, decoded)) return reporter_.error(at, "has a % without two hexadecimal digits"), kNone;
      const auto [known, fresh] = out_.nodes[node].literals.try_emplace(std::string(decoded), next);
      node = known->second;
      if (fresh) out_.nodes.emplace_back();
      continue;
    }
    std::vector<Piece> parts;
    if (!pieces(segment, at, parts, names)) return kNone;
    auto& templated = out_.nodes[node].templated;
    const auto known = std::find_if(templated.begin(), templated.end(), [&](const auto& one) { return one.first == parts; });
    if (known != templated.end()) {
      node = known->second;
      continue;
    }
    templated.emplace_back(std::move(parts), next);
    node = next;
    out_.nodes.emplace_back();
  }
  return node;
}

void OperationCompiler::path(const std::string& text, Spot at) {
  at = references_.follow(at);
  if (!at || !is_map(at, reporter_, "a path")) return;
  no_others(at, {"$ref", "summary", "description", "get", "put", "post", "delete", "options", "head", "patch", "trace", "servers", "parameters"}, "a path");
  std::vector<std::string> names;
  const auto node = place(text, at, names);
  if (node == kNone) return;
  const auto number = static_cast<std::uint32_t>(out_.paths.size());
  out_.paths.push_back({text, {}});
  out_.nodes[node].paths.push_back(number);
  std::vector<Spot> shared;
  if (const auto list = member(at, "parameters"); list && list.node->kind == NodeKind::kList) {
    for (std::size_t i = 0; i < list.node->items.size(); ++i) shared.push_back(child(list, i));
  } else if (list) {
    reporter_.error(list, "is a list of parameters");
  }
  for (const auto method : kMethods) {
    const auto one = member(at, method);
    if (!one || !is_map(one, reporter_, "an operation")) continue;
    operation(upper(method), number, one, shared, member(at, "servers"));
    check_template(text, one, out_.operations.back().parameters, names);
  }
}

void OperationCompiler::check_template(const std::string& text, const Spot& at, const std::vector<Parameter>& parameters, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const bool described = std::any_of(parameters.begin(), parameters.end(), [&](const auto& one) { return one.in == In::kPath && one.name == name; });
    if (!described) reporter_.warning(at, fmt::format("does not describe the parameter {} of its path: any value passes", name));
  }
  for (const auto& one : parameters) {
    if (one.in == In::kPath && std::find(names.begin(), names.end(), one.name) == names.end()) reporter_.warning(at, fmt::format("describes the parameter {}, which {} does not have", one.name, text));
  }
}

void OperationCompiler::operation(const std::string& method, std::uint32_t path, Spot at, const std::vector<Spot>& shared, const Spot& path_servers) {
  no_others(at, {"tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses", "callbacks", "deprecated", "security", "servers"}, "an operation");
  const auto number = static_cast<std::uint32_t>(out_.operations.size());
  auto& out = out_.operations.emplace_back();
  out_.paths[path].operations.push_back(number);
  out.method = method;
  out.path = out_.paths[path].text;
  out.id = text_of(at, "operationId", reporter_);
  out.bases = bases(member(at, "servers"));
  if (out.bases.empty()) out.bases = bases(path_servers);
  if (out.bases.empty()) out.bases = root_bases_;
  auto spots = shared;
  if (const auto list = member(at, "parameters"); list && list.node->kind == NodeKind::kList) {
    for (std::size_t i = 0; i < list.node->items.size(); ++i) spots.push_back(child(list, i));
  } else if (list) {
    reporter_.error(list, "is a list of parameters");
  }
  for (const auto& spot : spots) {
    Parameter one;
    if (!parameter(spot, one)) continue;
    // The operation's own stands for the path's of the same name.
    const auto known = std::find_if(out.parameters.begin(), out.parameters.end(), [&](const auto& other) { return other.in == one.in && other.name == one.name; });
    if (known != out.parameters.end()) *known = std::move(one);
    else out.parameters.push_back(std::move(one));
  }
  if (const auto request = member(at, "requestBody")) body(request, number);
}

bool OperationCompiler::parameter(const Spot& spot, Parameter& out) {
  const auto at = references_.follow(spot);
  if (!at || !is_map(at, reporter_, "a parameter")) return false;
  no_others(at, {"name", "in", "description", "required", "deprecated", "allowEmptyValue", "style", "explode", "allowReserved", "schema", "example", "examples", "content"}, "a parameter");
  out.name = text_of(at, "name", reporter_);
  const auto in = text_of(at, "in", reporter_);
  constexpr std::pair<std::string_view, In> kPlaces[] = {{"path", In::kPath}, {"query", In::kQuery}, {"header", In::kHeader}, {"cookie", In::kCookie}};
  const auto* known = std::find_if(std::begin(kPlaces), std::end(kPlaces), [&](const auto& one) { return one.first == in; });
  if (out.name.empty()) return reporter_.error(at, "has no name"), false;
  if (known == std::end(kPlaces)) return reporter_.error(at, "is in none of path, query, header and cookie"), false;
  out.in = known->second;
  if (out.in == In::kHeader) {
    out.name = base::lower_ascii(out.name);
    // OpenAPI says that these are described elsewhere.
    if (out.name == "accept" || out.name == "content-type" || out.name == "authorization") return reporter_.warning(at, "is ignored, as OpenAPI says of the headers Accept, Content-Type and Authorization"), false;
  }
  out.required = is_true(at, "required", reporter_);
  out.empty_ok = is_true(at, "allowEmptyValue", reporter_);
  return style_of(at, out) && shape_of(at, out);
}

bool OperationCompiler::style_of(const Spot& at, Parameter& out) {
  auto style = text_of(at, "style", reporter_);
  const bool form = out.in == In::kQuery || out.in == In::kCookie;
  if (style.empty()) style = form ? "form" : "simple";
  constexpr std::pair<std::string_view, Style> kStyles[] = {
      {"form", Style::kForm}, {"simple", Style::kSimple}, {"spaceDelimited", Style::kSpaceDelimited}, {"pipeDelimited", Style::kPipeDelimited}, {"deepObject", Style::kDeepObject}};
  const auto* known = std::find_if(std::begin(kStyles), std::end(kStyles), [&](const auto& one) { return one.first == style; });
  if (known == std::end(kStyles)) return reporter_.error(member(at, "style"), fmt::format("the style {} cannot be expressed: use form, simple, spaceDelimited, pipeDelimited or deepObject", style)), false;
  const bool fitting = form ? known->second != Style::kSimple && (out.in == In::kQuery || known->second == Style::kForm) : known->second == Style::kSimple;
  if (!fitting) return reporter_.error(member(at, "style"), "is no style of such parameters"), false;
  out.shape.style = known->second;
  out.shape.explode = member(at, "explode") ? is_true(at, "explode", reporter_) : known->second == Style::kForm;
  return true;
}

bool OperationCompiler::shape_of(const Spot& at, Parameter& out) {
  const auto schema = member(at, "schema"), content = member(at, "content");
  if (schema && content) return reporter_.error(at, "has both schema and content"), false;
  if (!content) {
    if (!schema) reporter_.warning(at, "has no schema: any value passes");
    out.shape.schema = schemas_.number_of(schema);
    return true;
  }
  if (!is_map(content, reporter_, "content")) return false;
  if (content.node->keys.size() != 1) return reporter_.error(content, "has not exactly one media type"), false;
  out.shape.json = reading_of(base::lower_ascii(content.node->keys[0])) == Reading::kJson;
  if (!out.shape.json) reporter_.warning(content, "is not JSON: its schema is not checked");
  out.shape.schema = out.shape.json ? schemas_.number_of(member(child(content, 0), "schema")) : kAnything;
  return true;
}

void OperationCompiler::body(const Spot& spot, std::uint32_t number) {
  const auto at = references_.follow(spot);
  if (!at || !is_map(at, reporter_, "a request body")) return;
  no_others(at, {"description", "content", "required"}, "a request body");
  out_.operations[number].has_body = true;
  out_.operations[number].body.required = is_true(at, "required", reporter_);
  const auto content = member(at, "content");
  if (!content || !is_map(content, reporter_, "content")) return content ? void() : reporter_.error(at, "has no content");
  for (std::size_t i = 0; i < content.node->keys.size(); ++i) media(base::lower_ascii(content.node->keys[i]), child(content, i), number);
}

void OperationCompiler::media(const std::string& range, const Spot& at, std::uint32_t number) {
  if (!is_map(at, reporter_, "a media type")) return;
  no_others(at, {"schema", "example", "examples", "encoding"}, "a media type");
  Media out;
  out.range = std::string(trimmed(range.substr(0, range.find(';'))));
  if (out.range.find('/') == out.range.npos) return reporter_.error(at, "is no media type");
  const auto schema = member(at, "schema");
  out.schema = schemas_.number_of(schema);
  const bool wild = out.range.find('*') != out.range.npos;
  if (schema && reading_of(out.range) == Reading::kBytes && !wild && out.range != "application/octet-stream") reporter_.warning(at, fmt::format("the schema of {} is not checked but for maxLength", out.range));
  auto& list = out_.operations[number].body.media;
  waiting_bodies_.push_back({at, number, list.size()});
  list.push_back(std::move(out));
}

void OperationCompiler::members(std::uint32_t number, std::vector<std::pair<std::string, std::uint32_t>>& out, bool& any, int depth) {
  if (number == kNone || depth == kMembersDepthMax) return;
  const auto& schema = out_.schemas.list[number];
  for (const auto& one : schema.properties) {
    const auto known = std::find_if(out.begin(), out.end(), [&](const auto& other) { return other.first == one.name; });
    if (known == out.end()) out.emplace_back(one.name, one.schema == kNone ? kAnything : one.schema);
  }
  any = any && !out_.schemas.list[schema.additional].never;
  members(schema.reference, out, any, depth + 1);
  for (const auto* list : {&schema.all_of, &schema.any_of, &schema.one_of}) {
    for (const auto one : *list) members(one, out, any, depth + 1);
  }
}

void OperationCompiler::finish_parameters() {
  for (auto& operation : out_.operations) {
    for (auto& one : operation.parameters) {
      const auto taken = out_.schemas.list[one.shape.schema].taken;
      const bool exploded = (one.in == In::kQuery || one.in == In::kCookie) && one.shape.style == Style::kForm && one.shape.explode && !one.shape.json;
      if (!exploded || (taken & kIsObject) == 0 || (taken & (kIsString | kIsArray)) != 0) continue;
      std::vector<std::pair<std::string, std::uint32_t>> found;
      one.any_member = true;
      members(one.shape.schema, found, one.any_member, 0);
      for (auto& [name, schema] : found) one.members.push_back(std::move(name));
      operation.any_query = operation.any_query || (one.any_member && one.in == In::kQuery);
    }
    // Objects that take what is left come last.
    std::stable_sort(operation.parameters.begin(), operation.parameters.end(), [](const auto& a, const auto& b) { return a.any_member < b.any_member; });
  }
}

void OperationCompiler::field(const std::string& name, std::uint32_t schema, const Spot& encoding, bool multipart, Field& out) {
  out.name = name;
  out.shape.schema = schema;
  const auto& whole = out_.schemas.list[schema];
  const auto* source = schemas_.source_of(schema);
  const auto* item = &whole;
  if ((whole.taken & kIsArray) != 0 && whole.items != kAnything) {
    item = &out_.schemas.list[whole.items];
    source = schemas_.source_of(whole.items);
  }
  const auto* format = source == nullptr ? nullptr : source->find("format");
  const auto* media_type = source == nullptr ? nullptr : source->find("contentMediaType");
  out.file = multipart && (schema == kAnything || (format != nullptr && format->text == "binary") || media_type != nullptr);
  out.bytes_max = item->length_max;
  // Objects come as JSON, unless their encoding says otherwise.
  out.shape.json = !out.file && (item->taken & kIsObject) != 0 && (item->taken & kIsString) == 0 && schema != kAnything;
  if (!encoding || !is_map(encoding, reporter_, "an encoding")) return;
  no_others(encoding, {"contentType", "headers", "style", "explode", "allowReserved"}, "an encoding");
  if (member(encoding, "headers")) reporter_.warning(member(encoding, "headers"), "is not checked");
  auto types = text_of(encoding, "contentType", reporter_);
  for (std::size_t begin = 0; begin < types.size();) {
    const auto end = std::min(types.find(',', begin), types.size());
    out.content_types.push_back(base::lower_ascii(trimmed(std::string_view(types).substr(begin, end - begin))));
    begin = end + 1;
  }
  if (const auto style = member(encoding, "style"); style && style.node->text != "form") {
    constexpr std::pair<std::string_view, Style> kDelimited[] = {{"spaceDelimited", Style::kSpaceDelimited}, {"pipeDelimited", Style::kPipeDelimited}};
    const auto* known = std::find_if(std::begin(kDelimited), std::end(kDelimited), [&](const auto& one) { return one.first == style.node->text; });
    if (known == std::end(kDelimited)) reporter_.error(style, "cannot be expressed in a form: use form, spaceDelimited or pipeDelimited");
    else out.shape.style = known->second, out.shape.explode = false;
  }
  if (member(encoding, "explode")) out.shape.explode = is_true(encoding, "explode", reporter_);
  if (out.content_types.size() == 1) out.shape.json = reading_of(out.content_types[0]) == Reading::kJson;
}

void OperationCompiler::finish_bodies() {
  for (const auto& one : waiting_bodies_) {
    auto& media = out_.operations[one.operation].body.media[one.index];
    std::vector<std::pair<std::string, std::uint32_t>> found;
    bool any = true;
    members(media.schema, found, any, 0);
    const auto encodings = member(one.at, "encoding");
    const bool form = reading_of(media.range) == Reading::kForm || reading_of(media.range) == Reading::kMultipart || media.range.find('*') != media.range.npos;
    if (encodings && is_map(encodings, reporter_, "encoding")) {
      if (!form) reporter_.warning(encodings, "has no effect: only fields of forms have encodings");
      for (std::size_t i = 0; i < encodings.node->keys.size(); ++i) {
        const auto& name = encodings.node->keys[i];
        if (std::none_of(found.begin(), found.end(), [&](const auto& other) { return other.first == name; })) reporter_.warning(child(encodings, i), "is about no property of the schema");
      }
    }
    if (!form) continue;
    for (const auto& [name, schema] : found) field(name, schema, member(encodings, name), reading_of(media.range) != Reading::kForm, media.fields.emplace_back());
  }
}

}  // namespace ringwall::openapi::detail
