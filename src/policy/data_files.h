// Files of data that policies and rules name: lists of addresses, databases of places.  Each becomes one file in the folder of the
// policies, named after its content, which all workers map; nothing of it is copied, and who changes data makes another file.
//
//   "list-<hash>"    a list compiled (places/address_set.h)
//   "places-<hash>"  a database as it came (places/database.h)
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/world.h"
#include "places/shared_bytes.h"
#include "policy/policy.h"
#include "waf/seclang.h"

namespace ringwall::policy {

inline constexpr std::size_t kDataBytesMax = 1u << 30;

class DataFiles {
 public:
  enum class Kind : std::uint8_t { kList, kPlaces };

  // `folder` empty: everything stays in memory, for who only looks whether it is right.
  DataFiles(base::Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  // The name of the file that workers take for `path`; read anew when it has changed since.  Errors name file, line and why.
  Result<std::string> put(Kind kind, const std::string& path);
  // Those a rule set names with SecGeoLookupDb, put as they are asked for; everything else is read from the disk.
  waf::Files rule_files();
  // From here on a file that cannot be used leaves in force what its path had there, and the reason is told; empty: it is an error.
  void fall_back_on(std::map<std::string, std::string> names) { before_ = std::move(names); }
  // The same of rules as a whole: they are read from there and not from the disk; none: from the disk.
  void fall_back_on_rules(std::optional<waf::Files> rules) { rules_ = std::move(rules); }
  // What `path`, a file that was not put here, had there: its name and its bytes; none where nothing can stand in.
  struct Before {
    std::string name, bytes;
  };
  std::optional<Before> before(const std::string& path, const std::string& why);
  std::vector<std::string> take_faults() { return std::exchange(faults_, {}); }
  // Of all that were put since forget(): path to name.
  const std::map<std::string, std::string>& names() const { return names_; }
  void forget() { names_.clear(); }
  // For PolicySet::load.
  Mapper mapper() const;

  // Looks at those `names` is about, which are in force.  Tells those that are other files now than when they were read and were the
  // same at the look before: whoever copies a list over an old one is not interrupted.
  std::vector<std::string> changed(const std::map<std::string, std::string>& names);
  // The same path again, of the kind it had.
  Result<std::string> put_again(const std::string& path);

 private:
  struct Stamp {
    std::int64_t modified_ns = -1, bytes = -1;  // negative: not there
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    Kind kind = Kind::kList;
    Stamp read, seen;   // when it was read, good or not; at the last look
    std::string name;   // empty: it could not be read
  };
  static Stamp stamp_of(const std::string& path);
  Result<std::string> make(Kind kind, const std::string& path);

  base::Files& files_;
  const std::string folder_;
  std::map<std::string, Known> known_;                // by path
  std::map<std::string, std::string> names_, before_;
  std::optional<waf::Files> rules_;
  std::vector<std::string> faults_;
  std::map<std::string, places::SharedBytes> held_;   // by name, without a folder
};

}  // namespace ringwall::policy
