// The structs as JSON: a visitor of describe.h that the normal form, the schema and the reference share.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "base/text.h"
#include "declare/describe.h"

namespace ringwall::declare::detail {

using Json = nlohmann::ordered_json;

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {
  using Item = T;
};

template <class T>
concept Struct = requires(T& value) { value; } && std::is_class_v<T> && !std::is_same_v<T, std::string> && !std::is_same_v<T, milliseconds> &&
                 !requires(T& value) { value.begin(); };

inline Json value_of(const std::string& value, const Rule&) { return value; }
inline Json value_of(bool value, const Rule&) { return value; }
inline Json value_of(int value, const Rule&) { return value; }
inline Json value_of(std::uint64_t value, const Rule& rule) { return rule.bytes ? Json(base::bytes_text(value)) : Json(value); }
inline Json value_of(milliseconds value, const Rule&) { return base::duration_text(value); }
inline Json value_of(const std::map<std::string, std::string>& value, const Rule&) { return value.empty() ? Json::object() : Json(value); }

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

// "100ms to 1h" for what has a range worth telling; else empty.
template <class T>
std::string range_text(const Rule& rule) {
  if constexpr (IsList<T>::value) {
    return range_text<typename IsList<T>::Item>(rule);
  } else if constexpr (std::is_same_v<T, milliseconds>) {
    return base::duration_text(milliseconds(rule.minimum)) + " to " + base::duration_text(milliseconds(rule.maximum));
  } else if constexpr (std::is_same_v<T, int> || std::is_same_v<T, std::uint64_t>) {
    if (rule.bytes) return base::bytes_text(static_cast<std::uint64_t>(rule.minimum)) + " to " + base::bytes_text(static_cast<std::uint64_t>(rule.maximum));
    return std::to_string(rule.minimum) + " to " + std::to_string(rule.maximum);
  } else {
    return "";
  }
}

}  // namespace ringwall::declare::detail
