// The visitors that write: the normal form, the JSON Schema and the reference.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "declare/describe.h"
#include "declare/parse.h"

namespace ringwall::declare {

namespace detail {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
concept Struct = requires(T& value) { value; } && std::is_class_v<T> && !std::is_same_v<T, std::string> && !std::is_same_v<T, milliseconds> &&
                 !requires(T& value) { value.begin(); };

Json value_of(const std::string& value, const Rule&) { return value; }
Json value_of(bool value, const Rule&) { return value; }
Json value_of(int value, const Rule&) { return value; }
Json value_of(std::uint64_t value, const Rule& rule) { return rule.bytes ? Json(base::bytes_text(value)) : Json(value); }
Json value_of(milliseconds value, const Rule&) { return base::duration_text(value); }
Json value_of(const std::map<std::string, std::string>& value, const Rule&) { return value.empty() ? Json::object() : Json(value); }

template <class Enum>
  requires std::is_enum_v<Enum>
Json value_of(Enum value, const Rule& rule) {
  return std::string(rule.choices.at(static_cast<std::size_t>(value)));
}
template <Struct T>
Json value_of(const T& value, const Rule& rule);
template <class T>
Json value_of(const std::vector<T>& value, const Rule& rule) {
  Json list = Json::array();
  for (const auto& item : value) list.push_back(value_of(item, rule));
  return list;
}

class Writer {
 public:
  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view) {
    json[std::string(key)] = value_of(member, rule);
  }
  Json json = Json::object();
};

template <Struct T>
Json value_of(const T& value, const Rule&) {
  Writer writer;
  T copy = value;  // describe() takes what it could change
  describe(writer, copy);
  return writer.json;
}

// --- JSON Schema

Json text_schema(const Rule& rule) {
  Json schema = {{"type", "string"}};
  if (!rule.choices.empty()) {
    schema["enum"] = rule.choices;
  } else if (rule.text == Text::kName) {
    schema["pattern"] = "^[A-Za-z0-9._-]{1,63}$";
  } else if (rule.text == Text::kAddress) {
    schema["pattern"] = rule.required ? "^.+:[0-9]{1,5}$" : "^(.+:[0-9]{1,5})?$";
  } else if (rule.text == Text::kRegex) {
    schema["format"] = "regex";
  } else if (rule.text == Text::kRoutePath) {
    schema["pattern"] = "^(/|= /|~ )";
  } else if (rule.required) {
    schema["minLength"] = 1;
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
    schema["description"] = std::string(sentence);
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
Json SchemaOf<std::map<std::string, std::string>>::make(const Rule&) {
  return {{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
}
template <class T>
struct SchemaOf<std::vector<T>> {
  static Json make(const Rule& rule) {
    Json schema = {{"type", "array"}, {"items", SchemaOf<T>::make(rule)}};
    if (rule.required) schema["minItems"] = 1;
    return schema;
  }
};

// --- the reference

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {
  using Item = T;
};

template <class T>
std::string type_name(const Rule& rule) {
  if constexpr (IsList<T>::value) {
    return "list of " + type_name<typename IsList<T>::Item>(rule);
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true, false";
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    return "duration";
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    return "map of texts";
  } else if constexpr (std::is_enum_v<T> || std::is_same_v<T, std::string>) {
    return rule.choices.empty() ? "text" : fmt::format("{}", fmt::join(rule.choices, ", "));
  } else if constexpr (std::is_integral_v<T>) {
    if (rule.bytes) return "size";
    return rule.maximum < 10'000'001 ? fmt::format("{} to {}", rule.minimum, rule.maximum) : "number";
  } else {
    return "map";
  }
}

class ReferenceWriter {
 public:
  explicit ReferenceWriter(std::string prefix, std::string& out) : prefix_(std::move(prefix)), out_(out) {}

  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view sentence) {
    const auto path = prefix_ + std::string(key);
    std::string standard = rule.required ? "required" : "";
    if constexpr (!Struct<T>) {
      const Json value = value_of(member, rule);
      if (!rule.required && !value.empty() && value != "") standard = value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::string cell(sentence);
    for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
    fmt::format_to(std::back_inserter(out_), "| `{}` | {} | {} | {} |\n", path, type_name<T>(rule), standard, cell);
    if constexpr (Struct<T>) {
      ReferenceWriter inner(path + ".", out_);
      T value{};
      describe(inner, value);
    } else if constexpr (IsList<T>::value) {
      if constexpr (Struct<typename IsList<T>::Item>) {
        ReferenceWriter inner(path + "[].", out_);
        typename IsList<T>::Item value{};
        describe(inner, value);
      }
    }
  }

 private:
  std::string prefix_;
  std::string& out_;
};

}  // namespace
}  // namespace detail

std::string normal_form(const Declaration& declaration) { return detail::value_of(declaration, {}).dump(1); }

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

std::string reference() {
  std::string out =
      "# The declaration: every key\n\n"
      "Made from the same definitions as `ringwall check` and `ringwall schema`; a test compares.\n"
      "Durations are a number and ms, s, m, h, d, w or y; sizes a number and KiB, MiB or GiB. Paths are relative to the\n"
      "declaration. Unknown keys are errors. Reserved for later versions: `waf`, `alerts`, `databases`, `backups`, `images`, `fences`,\n"
      "`recovery`.\n\n"
      "| key | value | default | meaning |\n|---|---|---|---|\n";
  detail::ReferenceWriter writer("", out);
  Declaration value;
  detail::describe(writer, value);
  return out;
}

}  // namespace ringwall::declare
