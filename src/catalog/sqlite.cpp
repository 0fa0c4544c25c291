#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <string_view>

#include "catalog/catalog.h"

namespace ringwall::catalog {

namespace {

// Version 1.  A later version appends its statements to kMigrations; PRAGMA user_version says how many have run.
constexpr const char* kMigrations[] = {
    R"sql(
CREATE TABLE file(
  id INTEGER PRIMARY KEY AUTOINCREMENT, signal INTEGER NOT NULL, partition INTEGER NOT NULL,
  tmin_ns INTEGER NOT NULL, tmax_ns INTEGER NOT NULL, level INTEGER NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL, row_groups INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE, crc INTEGER NOT NULL, sidecar_key TEXT NOT NULL, sidecar_bytes INTEGER NOT NULL,
  services TEXT NOT NULL,
  created_ns INTEGER NOT NULL, snap_begin INTEGER NOT NULL, snap_end INTEGER NOT NULL, retired_ns INTEGER NOT NULL);
CREATE INDEX file_live ON file(signal, tmax_ns, tmin_ns) WHERE snap_end = 0;
CREATE INDEX file_retired ON file(retired_ns) WHERE snap_end <> 0;
CREATE TABLE snapshot(id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL);
CREATE TABLE checkpoint(signal INTEGER PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE sender(source TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE seen(high INTEGER NOT NULL, low INTEGER NOT NULL, time_ns INTEGER NOT NULL, PRIMARY KEY(high, low)) WITHOUT ROWID;
CREATE INDEX seen_time ON seen(time_ns);
CREATE TABLE token(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
  created_ns INTEGER NOT NULL, last_used_ns INTEGER NOT NULL);
CREATE TABLE session(hash TEXT PRIMARY KEY, token_id INTEGER NOT NULL, created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL, last_used_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX session_token ON session(token_id);
CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)sql",
};
static_assert(std::size(kMigrations) == kSchemaVersion);

constexpr const char* kFileColumns =
    "id, signal, partition, tmin_ns, tmax_ns, level, rows, bytes, row_groups, key, crc, sidecar_key, sidecar_bytes, "
    "services, created_ns, snap_begin, snap_end, retired_ns";

// Service names hold no line breaks once joined: a break inside one would only make pruning less exact, never wrong,
// so such files are stored as "not known".
std::string join_services(const std::vector<std::string>& services) {
  std::string out;
  for (const auto& service : services) {
    if (service.find('\n') != std::string::npos) return "";
    out += service + "\n";
  }
  return out;
}

std::vector<std::string> split_services(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    out.emplace_back(text.substr(0, end));
  }
  return out;
}

Error sqlite_error(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db);
  const auto kind = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Errc::kCorrupt
                    : code == SQLITE_CONSTRAINT                     ? Errc::kExists
                                                                    : Errc::kUnavailable;
  return fail(kind, fmt::format("catalog: {}: {}", doing, sqlite3_errmsg(db)));
}

// One prepared statement: bind in order, then step.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql) : db_(db), sql_(sql) {
    prepared_ = sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr) == SQLITE_OK;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& bind(std::int64_t value) {
    if (prepared_) sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& bind(std::string_view value) {
    if (prepared_) {
      sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    return *this;
  }
  // True while there is a row.
  Result<bool> step() {
    if (!prepared_) return sqlite_error(db_, sql_);
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return sqlite_error(db_, sql_);
  }
  Result<void> run() {
    RW_TRY(step());
    return {};
  }
  void reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return std::string(data == nullptr ? "" : data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  sqlite3* db_;
  std::string sql_;
  sqlite3_stmt* statement_ = nullptr;
  bool prepared_ = false;
  int bound_ = 0;
};

std::int64_t signed_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }

File file_of(const Statement& row) {
  File file;
  int c = 0;
  file.id = row.integer(c++);
  file.signal = static_cast<base::Signal>(row.integer(c++));
  file.partition = row.integer(c++);
  file.tmin_ns = row.integer(c++);
  file.tmax_ns = row.integer(c++);
  file.level = static_cast<int>(row.integer(c++));
  file.rows = static_cast<std::uint64_t>(row.integer(c++));
  file.bytes = static_cast<std::uint64_t>(row.integer(c++));
  file.row_groups = static_cast<std::uint64_t>(row.integer(c++));
  file.key = row.text(c++);
  file.crc = static_cast<std::uint32_t>(row.integer(c++));
  file.sidecar_key = row.text(c++);
  file.sidecar_bytes = static_cast<std::uint64_t>(row.integer(c++));
  file.services = split_services(row.text(c++));
  file.created_ns = row.integer(c++);
  file.snap_begin = row.integer(c++);
  file.snap_end = row.integer(c++);
  file.retired_ns = row.integer(c++);
  return file;
}

class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(sqlite3* db) : db_(db) {}
  ~SqliteCatalog() override { sqlite3_close(db_); }

  Result<void> prepare() {
    sqlite3_busy_timeout(db_, static_cast<int>(kBusyWait.count()));
    RW_TRY(execute("PRAGMA journal_mode=WAL"));
    RW_TRY(execute("PRAGMA synchronous=FULL"));
    RW_TRY(execute("PRAGMA foreign_keys=ON"));
    return transaction([&]() -> Result<void> {
      Statement version(db_, "PRAGMA user_version");
      RW_TRY(version.step());
      const auto found = version.integer(0);
      if (found > kSchemaVersion) {
        return fail(Errc::kCorrupt, fmt::format("catalog: schema version {} is newer than this program's {}", found, kSchemaVersion),
                    "start the version of ringwall that wrote it, or a later one");
      }
      for (auto next = found; next < kSchemaVersion; ++next) RW_TRY(execute(kMigrations[next]));
      return execute(fmt::format("PRAGMA user_version={}", kSchemaVersion));
    });
  }

  Result<std::vector<std::int64_t>> publish(const Publication& publication) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::int64_t> ids;
    auto done = transaction([&]() -> Result<void> {
      RW_TRY(Statement(db_, "INSERT INTO snapshot(time_ns) VALUES (?)").bind(publication.now_ns).run());
      const auto snapshot = sqlite3_last_insert_rowid(db_);
      RW_TRY(Statement(db_, "DELETE FROM snapshot WHERE id < ?").bind(snapshot).run());
      for (const auto& file : publication.add) ids.push_back(RW_TRY(insert_file(file, snapshot)));
      for (const auto id : publication.retire) {
        RW_TRY(Statement(db_, "UPDATE file SET snap_end = ?, retired_ns = ? WHERE id = ? AND snap_end = 0")
                   .bind(snapshot).bind(publication.now_ns).bind(id).run());
        if (sqlite3_changes(db_) != 1) return fail(Errc::kNotFound, fmt::format("catalog: file {} is not live", id));
      }
      return advance(publication);
    });
    if (!done.ok()) return std::move(done).error();
    return ids;
  }

  Result<std::vector<File>> live_files() override { return files("snap_end = 0"); }
  Result<std::vector<File>> retired_files() override { return files("snap_end <> 0"); }

  Result<void> forget(const std::vector<std::int64_t>& ids) override {
    const std::lock_guard lock(mutex_);
    return transaction([&]() -> Result<void> {
      for (const auto id : ids) RW_TRY(Statement(db_, "DELETE FROM file WHERE id = ? AND snap_end <> 0").bind(id).run());
      return {};
    });
  }

  Result<std::map<base::Signal, std::uint64_t>> checkpoints() override {
    const std::lock_guard lock(mutex_);
    std::map<base::Signal, std::uint64_t> out;
    Statement row(db_, "SELECT signal, sequence FROM checkpoint");
    while (RW_TRY(row.step())) out[static_cast<base::Signal>(row.integer(0))] = static_cast<std::uint64_t>(row.integer(1));
    return out;
  }

  Result<std::map<std::string, std::uint64_t>> positions() override {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::uint64_t> out;
    Statement row(db_, "SELECT source, position FROM sender");
    while (RW_TRY(row.step())) out[row.text(0)] = static_cast<std::uint64_t>(row.integer(1));
    return out;
  }

  Result<std::vector<base::Digest>> digests() override {
    const std::lock_guard lock(mutex_);
    std::vector<base::Digest> out;
    Statement row(db_, "SELECT high, low FROM seen ORDER BY time_ns");
    while (RW_TRY(row.step())) {
      out.push_back({static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint64_t>(row.integer(1))});
    }
    return out;
  }

  Result<std::int64_t> add_token(const Token& token) override {
    const std::lock_guard lock(mutex_);
    RW_TRY(Statement(db_, "INSERT INTO token(name, hash, created_ns, last_used_ns) VALUES (?, ?, ?, ?)")
               .bind(token.name).bind(token.hash).bind(token.created_ns).bind(token.last_used_ns).run());
    return static_cast<std::int64_t>(sqlite3_last_insert_rowid(db_));
  }

  Result<std::optional<Token>> find_token(const std::string& hash) override {
    const std::lock_guard lock(mutex_);
    Statement row(db_, "SELECT id, name, hash, created_ns, last_used_ns FROM token WHERE hash = ?");
    row.bind(hash);
    if (!RW_TRY(row.step())) return std::optional<Token>();
    return std::optional<Token>(token_of(row));
  }

  Result<std::vector<Token>> tokens() override {
    const std::lock_guard lock(mutex_);
    std::vector<Token> out;
    Statement row(db_, "SELECT id, name, hash, created_ns, last_used_ns FROM token ORDER BY id");
    while (RW_TRY(row.step())) out.push_back(token_of(row));
    return out;
  }

  Result<void> touch_token(std::int64_t id, std::int64_t now_ns) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "UPDATE token SET last_used_ns = ? WHERE id = ?").bind(now_ns).bind(id).run();
  }

  Result<void> remove_token(std::int64_t id) override {
    const std::lock_guard lock(mutex_);
    return transaction([&]() -> Result<void> {
      RW_TRY(Statement(db_, "DELETE FROM session WHERE token_id = ?").bind(id).run());
      RW_TRY(Statement(db_, "DELETE FROM token WHERE id = ?").bind(id).run());
      if (sqlite3_changes(db_) != 1) return fail(Errc::kNotFound, fmt::format("catalog: no token {}", id));
      return {};
    });
  }

  Result<void> put_session(const Session& session) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "INSERT OR REPLACE INTO session(hash, token_id, created_ns, expires_ns, last_used_ns) VALUES (?, ?, ?, ?, ?)")
        .bind(session.hash).bind(session.token_id).bind(session.created_ns).bind(session.expires_ns)
        .bind(session.last_used_ns).run();
  }

  Result<std::optional<Session>> find_session(const std::string& hash) override {
    const std::lock_guard lock(mutex_);
    Statement row(db_, "SELECT hash, token_id, created_ns, expires_ns, last_used_ns FROM session WHERE hash = ?");
    row.bind(hash);
    if (!RW_TRY(row.step())) return std::optional<Session>();
    return std::optional<Session>(
        Session{row.text(0), row.integer(1), row.integer(2), row.integer(3), row.integer(4)});
  }

  Result<void> remove_session(const std::string& hash) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "DELETE FROM session WHERE hash = ?").bind(hash).run();
  }

  Result<void> remove_sessions_expired(std::int64_t now_ns) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "DELETE FROM session WHERE expires_ns <= ?").bind(now_ns).run();
  }

  Result<void> put_setting(const std::string& key, const std::string& value) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "INSERT OR REPLACE INTO setting(key, value) VALUES (?, ?)").bind(key).bind(value).run();
  }

  Result<std::optional<std::string>> setting(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    Statement row(db_, "SELECT value FROM setting WHERE key = ?");
    row.bind(key);
    if (!RW_TRY(row.step())) return std::optional<std::string>();
    return std::optional<std::string>(row.text(0));
  }

  Result<void> remove_setting(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    return Statement(db_, "DELETE FROM setting WHERE key = ?").bind(key).run();
  }

 private:
  Result<void> execute(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return sqlite_error(db_, sql.substr(0, 60));
    return {};
  }

  template <class Body>
  Result<void> transaction(Body body) {
    RW_TRY(execute("BEGIN IMMEDIATE"));
    Result<void> done = body();
    if (done.ok()) done = execute("COMMIT");
    // A failed ROLLBACK means SQLite has rolled back by itself, as it does when the disk is full.
    if (!done.ok()) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    return done;
  }

  Result<std::vector<File>> files(std::string_view where) {
    const std::lock_guard lock(mutex_);
    std::vector<File> out;
    Statement row(db_, fmt::format("SELECT {} FROM file WHERE {} ORDER BY id", kFileColumns, where));
    while (RW_TRY(row.step())) out.push_back(file_of(row));
    return out;
  }

  Result<std::int64_t> insert_file(const File& file, std::int64_t snapshot) {
    RW_TRY(Statement(db_, "INSERT INTO file(signal, partition, tmin_ns, tmax_ns, level, rows, bytes, row_groups, key, crc, "
                          "sidecar_key, sidecar_bytes, services, created_ns, snap_begin, snap_end, retired_ns) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)")
               .bind(static_cast<std::int64_t>(file.signal)).bind(file.partition).bind(file.tmin_ns).bind(file.tmax_ns)
               .bind(static_cast<std::int64_t>(file.level)).bind(signed_of(file.rows)).bind(signed_of(file.bytes))
               .bind(signed_of(file.row_groups)).bind(file.key).bind(static_cast<std::int64_t>(file.crc))
               .bind(file.sidecar_key).bind(signed_of(file.sidecar_bytes)).bind(join_services(file.services))
               .bind(file.created_ns).bind(snapshot).run());
    return static_cast<std::int64_t>(sqlite3_last_insert_rowid(db_));
  }

  Result<void> advance(const Publication& publication) {
    for (const auto& [signal, sequence] : publication.checkpoints) {
      RW_TRY(Statement(db_, "INSERT INTO checkpoint(signal, sequence) VALUES (?, ?) "
                            "ON CONFLICT(signal) DO UPDATE SET sequence = max(sequence, excluded.sequence)")
                 .bind(static_cast<std::int64_t>(signal)).bind(signed_of(sequence)).run());
    }
    for (const auto& [source, position] : publication.positions) {
      RW_TRY(Statement(db_, "INSERT INTO sender(source, position) VALUES (?, ?) "
                            "ON CONFLICT(source) DO UPDATE SET position = max(position, excluded.position)")
                 .bind(source).bind(signed_of(position)).run());
    }
    Statement remember(db_, "INSERT OR REPLACE INTO seen(high, low, time_ns) VALUES (?, ?, ?)");
    for (const auto& digest : publication.digests) {
      RW_TRY(remember.bind(signed_of(digest.high)).bind(signed_of(digest.low)).bind(publication.now_ns).run());
      remember.reset();
    }
    return Statement(db_, "DELETE FROM seen WHERE time_ns < ?").bind(publication.now_ns - kDigestWindow.count()).run();
  }

  static Token token_of(const Statement& row) {
    return {row.integer(0), row.text(1), row.text(2), row.integer(3), row.integer(4)};
  }

  std::mutex mutex_;  // one connection, one statement at a time
  sqlite3* db_;
};

}  // namespace

Result<std::unique_ptr<Catalog>> open_sqlite(const std::string& path) {
  // It holds hashes of tokens and sessions.  SQLite gives its other files the mode of this one.
  if (const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); fd >= 0) {
    [[maybe_unused]] const int changed = ::fchmod(fd, 0600);
    ::close(fd);
  }
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    auto error = sqlite_error(db, "open " + path);
    sqlite3_close(db);
    return error;
  }
  auto catalog = std::make_unique<SqliteCatalog>(db);
  RW_TRY_CTX("open " + path, catalog->prepare());
  return std::unique_ptr<Catalog>(std::move(catalog));
}

}  // namespace ringwall::catalog
