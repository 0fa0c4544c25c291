// A small declaration without faults, and what is found wrong after a change of it.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "declare/parse.h"

namespace ringwall::declare {

inline constexpr std::string_view kGood =
    "application: shop\n"                     //  1
    "edge:\n"                                 //  2
    "  listeners:\n"                          //  3
    "    - address: 0.0.0.0:443\n"            //  4
    "  hosts:\n"                              //  5
    "    - names: [shop.example.com]\n"       //  6
    "      routes:\n"                         //  7
    "        - path: /\n"                     //  8
    "          service: web\n"                //  9
    "services:\n"                             // 10
    "  - name: web\n"                         // 11
    "    addresses: [\"10.0.0.5:8080\"]\n";   // 12

// In place of a piece of kGood: `kWhole` says that the text stands alone, `kAfter` that it follows kGood.
inline constexpr const char* kWhole = nullptr;
inline constexpr const char* kAfter = "";

struct Case {
  const char* what;
  const char* instead_of;  // a piece of kGood that is there once
  const char* text;
  const char* want;  // every finding, and its hint in a line of its own
};

inline std::string changed(const char* instead_of, const char* text) {
  if (instead_of == kWhole) return text;
  std::string good(kGood);
  if (std::string_view(instead_of).empty()) return good + text;
  const auto at = good.find(instead_of);
  REQUIRE(at != std::string::npos);
  REQUIRE(good.find(instead_of, at + 1) == std::string::npos);
  return good.replace(at, std::string_view(instead_of).size(), text);
}

inline std::string findings(std::string_view text) {
  // Every file can be read but these two.
  const auto parsed = parse(text, "r.yaml", [](const std::string& file) { return file != "missing.pem" && file != "nowhere"; });
  std::string out;
  for (const auto& diagnostic : parsed.diagnostics) {
    out.append(show(diagnostic)).append("\n");
    if (!diagnostic.hint.empty()) out.append("  hint: ").append(diagnostic.hint).append("\n");
  }
  return out;
}

inline Declaration declared(const std::string& text) {
  const auto parsed = parse(text, "r.yaml");
  REQUIRE(findings(text) == "");
  return parsed.declaration;
}

}  // namespace ringwall::declare
