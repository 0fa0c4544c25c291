// The visitors that write for programs: the normal form and the JSON Schema.
#include <fmt/format.h>

#include "declare/parse.h"
#include "declare/values.h"

namespace ringwall::declare {

namespace detail {

namespace {

// What an editor can check of a text; `ringwall check` looks closer.  Empty: nothing.
std::string_view pattern_of(Text kind) {
  switch (kind) {
    case Text::kName: return "[A-Za-z0-9._-]{1,63}";
    case Text::kService: return "[A-Za-z0-9_-]{1,63}";
    case Text::kEnvironmentName: return "[A-Za-z_][A-Za-z0-9_]*";
    case Text::kAddress: return "([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}";
    case Text::kHostName: return "(\\*\\.)?[A-Za-z0-9_.-]+";
    case Text::kRoutePath: return "(= )?/.*|~\\*? .+";
    case Text::kUrlPath: return "/[^ ]*";
    case Text::kFile: return ".+";
    case Text::kAddressRange: return "[0-9A-Fa-f:.]+(/[0-9]{1,3}| *- *[0-9A-Fa-f:.]+)?";
    case Text::kCountry: return "[A-Z]{2}";
    case Text::kAny:
    case Text::kRegex: break;
  }
  return "";
}

Json text_schema(const Rule& rule) {
  Json schema = {{"type", "string"}};
  if (!rule.choices.empty()) {
    schema["enum"] = rule.choices;
  } else if (rule.text == Text::kRegex) {
    schema["format"] = "regex";
  } else if (const auto form = pattern_of(rule.text); !form.empty()) {
    schema["pattern"] = rule.empty_ok ? fmt::format("^({})?$", form) : fmt::format("^({})$", form);
  }
  return schema;
}

template <class T>
struct SchemaOf {
  static Json make(const Rule&);  // of a struct
};

class SchemaWriter {
 public:
  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view sentence) {
    Json schema = SchemaOf<T>::make(rule);
    const auto range = range_text<T>(rule);
    schema["description"] = range.empty() ? std::string(sentence) : fmt::format("{} {}.", sentence, range);
    if constexpr (!Struct<T>) {
      const Json value = value_of(member, rule);
      if (!rule.required && !value.empty()) schema["default"] = value;
    }
    properties[std::string(key)] = std::move(schema);
    if (rule.required) required.push_back(std::string(key));
  }
  Json properties = Json::object(), required = Json::array();
};

template <class T>
Json SchemaOf<T>::make(const Rule& rule) {
  if constexpr (std::is_enum_v<T>) {
    return {{"type", "string"}, {"enum", rule.choices}};
  } else {
    SchemaWriter writer;
    T value{};
    describe(writer, value);
    Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(writer.properties)}};
    if (!writer.required.empty()) schema["required"] = std::move(writer.required);
    return schema;
  }
}
template <>
Json SchemaOf<std::string>::make(const Rule& rule) {
  return text_schema(rule);
}
template <>
Json SchemaOf<bool>::make(const Rule&) {
  return {{"type", "boolean"}};
}
template <>
Json SchemaOf<int>::make(const Rule& rule) {
  return {{"type", "integer"}, {"minimum", rule.minimum}, {"maximum", rule.maximum}};
}
template <>
Json SchemaOf<std::uint64_t>::make(const Rule& rule) {
  if (!rule.bytes) return SchemaOf<int>::make(rule);
  return {{"type", {"string", "integer"}}, {"pattern", "^[0-9]+ *([KMGT]i?B|B)?$"}};
}
template <>
Json SchemaOf<milliseconds>::make(const Rule&) {
  return {{"type", "string"}, {"pattern", "^[0-9]+ *(ms|s|m|h|d|w|y)$"}};
}
template <>
Json SchemaOf<std::map<std::string, std::string>>::make(const Rule& rule) {
  Json schema = {{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
  if (const auto form = pattern_of(rule.text); !form.empty()) schema["propertyNames"] = {{"pattern", fmt::format("^({})$", form)}};
  return schema;
}
template <class T>
struct SchemaOf<std::vector<T>> {
  static Json make(const Rule& rule) {
    Json schema = {{"type", "array"}, {"items", SchemaOf<T>::make(rule)}};
    if (rule.required) schema["minItems"] = 1;
    return schema;
  }
};

}  // namespace
}  // namespace detail

std::string normal_form(const Declaration& declaration) {
  // A declaration that was put together by a program may hold bytes that are not UTF-8; they must not throw here.
  return detail::value_of(declaration, {}).dump(1, ' ', false, detail::Json::error_handler_t::replace);
}

Result<Declaration> from_normal_form(std::string_view json) {
  auto parsed = parse(json, "applied declaration");
  if (!parsed.ok()) return fail(Errc::kCorrupt, show(parsed.diagnostics.front()), parsed.diagnostics.front().hint);
  return std::move(parsed.declaration);
}

std::string json_schema() {
  auto schema = detail::SchemaOf<Declaration>::make({});
  detail::Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                      {"title", "ringwall.yaml"},
                      {"description", "The infrastructure and security around an application."}};
  out.update(schema);
  return out.dump(2) + "\n";
}

}  // namespace ringwall::declare
