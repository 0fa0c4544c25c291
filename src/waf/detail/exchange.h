// What is known of the HTTP exchange under judgement: the variables of SecLang and how they are filled.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waf/arena.h"
#include "waf/body/body.h"
#include "waf/detail/program.h"
#include "waf/engine.h"

namespace ringwall::waf::detail {

inline constexpr std::uint32_t kNoText = ~std::uint32_t{0};

// One entry of a collection.  `text` names its value among the texts whose transformations are remembered.
struct Entry {
  std::string_view name, value;
  std::uint32_t text = kNoText;
};

inline constexpr std::size_t kCollectionCount = static_cast<std::size_t>(Variable::kXml) + 1;
inline constexpr std::size_t kVariableCount = static_cast<std::size_t>(Variable::kWebAppId) + 1;

class Exchange {
 public:
  explicit Exchange(const Program& program) : program_(program) {}

  void reset(const ExchangeInfo& info);
  void request_line(std::string_view method, std::string_view uri, std::string_view protocol);
  void request_header(std::string_view name, std::string_view value);
  void response_line(int status, std::string_view protocol);
  void response_header(std::string_view name, std::string_view value);
  // Takes the request body apart, as its processor says.
  void read_request_body(const Settings& settings);

  const std::vector<Entry>& entries(Variable collection) const { return collections_[static_cast<std::size_t>(collection)]; }
  std::vector<Entry>& entries(Variable collection) { return collections_[static_cast<std::size_t>(collection)]; }
  void add(Variable collection, std::string_view name, std::string_view value) { entries(collection).push_back({name, value, next_text_++}); }

  // A single value; empty: not there.
  std::string_view single(Variable variable) const { return singles_[static_cast<std::size_t>(variable)].value; }
  const Entry& single_entry(Variable variable) const { return singles_[static_cast<std::size_t>(variable)]; }
  void set(Variable variable, std::string_view value) { singles_[static_cast<std::size_t>(variable)] = {{}, value, next_text_++}; }
  void set_number(Variable variable, std::uint64_t value);
  void set_flag(Variable variable, bool value) { set(variable, value ? "1" : "0"); }

  // TX: by slot, and what has no slot by name.
  struct TxValue {
    std::string_view value;
    bool set = false, has_number = false;
    std::int64_t number = 0;
    std::int64_t as_number() {
      if (!has_number) number = number_of(value), has_number = true;
      return number;
    }
  };
  std::vector<TxValue> tx;
  std::vector<Entry> tx_dynamic;

  std::uint32_t texts() const { return next_text_; }
  Arena arena;
  std::string request_body, response_body;
  bool body_processor_forced = false, force_request_body_variable = false;

 private:
  void add_argument(Variable from, std::string_view name, std::string_view value, std::size_t limit);
  void too_many_arguments(std::size_t limit);
  void read_cookies(std::string_view text);
  void body_error(const char* processor, const BodyError& error);
  void set_times(std::int64_t now_ns);

  const Program& program_;
  std::array<std::vector<Entry>, kCollectionCount> collections_;
  std::array<Entry, kVariableCount> singles_;
  std::uint32_t next_text_ = 0;
  std::uint64_t arguments_bytes_ = 0;
  Multipart multipart_;
  Json json_;
  Xml xml_;
  UrlEncoded urlencoded_;
};

}  // namespace ringwall::waf::detail
