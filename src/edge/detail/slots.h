// Which slot of run/health.table belongs to which instance.  nginx's configuration holds the numbers, so they
// survive the core (`run/slots.json`) and are given out again only after their instance is gone for good.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/world.h"

namespace ringwall::edge::detail {

class Slots {
 public:
  // An unreadable file is as none: then every instance gets a new slot, and nginx a new configuration.
  static Slots open(base::Files& files, std::string path, std::uint32_t count);

  // The slot of an instance, the lowest free one when it has none.  kLimit when all are taken.
  Result<std::uint32_t> take(const std::string& name);
  void release(const std::string& name);
  bool known(const std::string& name) const { return slots_.contains(name); }
  const std::map<std::string, std::uint32_t>& all() const { return slots_; }

  // Does nothing when the file has it already.
  Result<void> save();

 private:
  base::Files* files_ = nullptr;
  std::string path_;
  std::uint32_t count_ = 0;
  std::map<std::string, std::uint32_t> slots_;
  std::optional<std::map<std::string, std::uint32_t>> saved_;  // by this process
};

}  // namespace ringwall::edge::detail
