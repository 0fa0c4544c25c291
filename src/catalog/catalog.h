// The catalog: what Ringwall knows about its stored files, and the few other facts that must survive a restart.
//
// SQLite in the state folder now, PostgreSQL for clusters later; the same tests run over both.  Every function is one
// durable transaction: when it has returned success, a power cut does not undo it.
//
// Times are Unix nanoseconds.  Errors: kUnavailable when the database refuses or is busy for longer than
// kBusyWait, kCorrupt when it is damaged or of a newer schema, kNotFound/kExists where said.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/record.h"
#include "base/result.h"

namespace ringwall::catalog {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::chrono::milliseconds kBusyWait{10'000};

// A Parquet file of one signal on blob, with what is needed to leave it out of a query.
struct File {
  std::int64_t id = 0;                     // given by publish()
  base::Signal signal = base::Signal::kLog;
  std::int64_t partition = 0;              // hours since 1970; what its key is named by
  std::int64_t tmin_ns = 0, tmax_ns = 0;   // both inclusive, exact
  int level = 0;                           // 0 from a flush; each merge gives one more
  std::uint64_t rows = 0, bytes = 0, row_groups = 0;
  std::string key;                         // on blob
  std::uint32_t crc = 0;                   // CRC-32C of the object
  std::string sidecar_key;                 // empty: none
  std::uint64_t sidecar_bytes = 0;
  std::vector<std::string> services;       // sorted; empty: not known
  std::int64_t created_ns = 0;
  std::int64_t snap_begin = 0;             // the first snapshot that has it, given by publish()
  std::int64_t snap_end = 0;               // the first one without it; 0: it is live
  std::int64_t retired_ns = 0;             // when that was
};

// One step of the store, all or nothing.
struct Publication {
  std::int64_t now_ns = 0;
  std::vector<File> add;
  std::vector<std::int64_t> retire;                      // ids; kNotFound when one is not live
  std::map<base::Signal, std::uint64_t> checkpoints;     // spool sequences; they never go back
  std::map<std::string, std::uint64_t> positions;        // per source; they never go back
  std::vector<base::Digest> digests;                     // of requests, remembered for kDigestWindow
};
inline constexpr std::chrono::nanoseconds kDigestWindow = std::chrono::minutes(15);

struct Token {
  std::int64_t id = 0;
  std::string name;
  std::string hash;            // of the secret, as its owner hashes it; unique
  std::int64_t created_ns = 0;
  std::int64_t last_used_ns = 0;  // 0: never
};

struct Session {
  std::string hash;            // of the cookie's secret
  std::int64_t token_id = 0;
  std::int64_t created_ns = 0, expires_ns = 0, last_used_ns = 0;
};

class Catalog {
 public:
  virtual ~Catalog() = default;

  // Gives the ids of `add`, in order.
  virtual Result<std::vector<std::int64_t>> publish(const Publication& publication) = 0;
  virtual Result<std::vector<File>> live_files() = 0;
  virtual Result<std::vector<File>> retired_files() = 0;
  // After the objects of retired files are gone from blob.
  virtual Result<void> forget(const std::vector<std::int64_t>& ids) = 0;

  virtual Result<std::map<base::Signal, std::uint64_t>> checkpoints() = 0;
  virtual Result<std::map<std::string, std::uint64_t>> positions() = 0;
  virtual Result<std::vector<base::Digest>> digests() = 0;

  // Access tokens; `hash` is looked up on every request, so implementations index it.
  virtual Result<std::int64_t> add_token(const Token& token) = 0;  // kExists when the hash is there
  virtual Result<std::optional<Token>> find_token(const std::string& hash) = 0;
  virtual Result<std::vector<Token>> tokens() = 0;
  virtual Result<void> touch_token(std::int64_t id, std::int64_t now_ns) = 0;
  virtual Result<void> remove_token(std::int64_t id) = 0;  // and its sessions; kNotFound

  virtual Result<void> put_session(const Session& session) = 0;
  virtual Result<std::optional<Session>> find_session(const std::string& hash) = 0;
  virtual Result<void> remove_session(const std::string& hash) = 0;  // success when it is not there
  virtual Result<void> remove_sessions_expired(std::int64_t now_ns) = 0;

  // Small named values, such as the declaration last applied.
  virtual Result<void> put_setting(const std::string& key, const std::string& value) = 0;
  virtual Result<std::optional<std::string>> setting(const std::string& key) = 0;
  virtual Result<void> remove_setting(const std::string& key) = 0;  // success when it is not there
};

// Opens or creates the database file; older schemas are brought forward, newer ones refused (kCorrupt).
Result<std::unique_ptr<Catalog>> open_sqlite(const std::string& path);

}  // namespace ringwall::catalog
