// What a user's SQL may and may not do.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "blob/local.h"
#include "store/detail/file_writer.h"
#include "store/duck.h"
#include "store/store.h"

using namespace ringwall;
using namespace ringwall::store;

namespace {

constexpr std::int64_t kNoon = 1'790'078'400'000'000'000;

struct Fixture {
  Fixture() {
    folder = std::string(RINGWALL_BINARY_DIR) + "/test-untrusted";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    { std::ofstream(folder + "/secret.csv") << "secret\nhunter2\n"; }
    blob = std::move(blob::open_local(folder + "/blob")).value();
    catalog = std::move(catalog::open_sqlite(folder + "/catalog")).value();
    duck = std::move(Duck::open({.threads = 2}, *blob)).value();
    store = std::move(Store::open({.threads = Threads::kNone}, *blob, *catalog, *duck, base::real_clock(), nullptr)).value();
    for (int i = 0; i < 2; ++i) {  // one in a file, one in memory
      base::BatchBuilder builder(base::Signal::kLog);
      builder.resource("cart", "prod", "", "", "", "");
      builder.record(kNoon + i, "hello " + std::to_string(i));
      store->accept({static_cast<std::uint64_t>(i + 1), "s", 0, {}, std::make_shared<const base::Batch>(builder.take())});
      if (i == 0) REQUIRE(store->flush().ok());
    }
    relation = store->relation(base::Signal::kLog, kNoon - 1, kNoon + 1000).value();
    object = catalog->live_files()->at(0).key;
  }
  Result<Table> ask(const std::string& sql, const RunOptions& options = {}) {
    return duck->run_untrusted(sql, {{"logs", "SELECT * FROM " + relation.sql}}, options);
  }

  std::string folder, object;
  std::unique_ptr<blob::Blob> blob;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<Duck> duck;
  std::unique_ptr<Store> store;
  Relation relation;
};

}  // namespace

TEST_CASE("untrusted sql: queries over the views work") {
  Fixture f;
  const char* kGood[] = {
      "SELECT count(*) FROM logs",
      "select * from LOGS order by ts desc limit 10;",
      "FROM logs",
      "WITH recent AS (SELECT * FROM logs WHERE service = 'cart') SELECT service, count(*) FROM recent GROUP BY ALL",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n",
      "SELECT a.message FROM logs a JOIN logs b USING (service) WHERE a.ts > (SELECT min(ts) FROM logs) - INTERVAL 1 hour",
      "SELECT attributes['x'], to_json(attributes), list_transform([1, 2], x -> x + 1) FROM logs",
      "SELECT x FROM range(3) t(x) UNION ALL SELECT * FROM generate_series(1, 2)",
      "SELECT unnest([1, 2]), * FROM (VALUES (1), (2)) v(y)",
      "SELECT quantile_cont(duration_ns, 0.95) FILTER (status >= 500), row_number() OVER (PARTITION BY service ORDER BY ts) FROM logs GROUP BY service, ts",
      "SELECT time_bucket(INTERVAL 1 minute, ts), regexp_matches(message, 'h.llo') FROM logs WHERE message ILIKE '%HELLO%'",
      "SELECT '/etc/passwd'",
      "SELECT 1; ",
  };
  for (const auto* sql : kGood) {
    CAPTURE(sql);
    const auto table = f.ask(sql);
    if (!table.ok()) MESSAGE(table.error().message);
    CHECK(table.ok());
  }
  CHECK(f.ask("SELECT count(*) FROM logs")->rows.at(0).at(0) == Value(std::int64_t{2}));
  CHECK(f.ask("FROM logs", {.rows_max = 1})->truncated);
  CHECK(f.ask("SELECT nope FROM logs").error().code == Errc::kInvalid);
  CHECK(f.ask("SELECT FROM WHERE").error().code == Errc::kInvalid);
  CHECK(f.ask("").error().code == Errc::kInvalid);
}

TEST_CASE("untrusted sql: what reads, writes or changes anything else is refused") {
  Fixture f;
  const auto file = f.folder + "/secret.csv";
  const auto object = "rwblob://" + f.object;
  const std::string kAttacks[] = {
      // Files, by every way there is to name one.
      "SELECT * FROM read_csv('" + file + "')",
      "SELECT * FROM read_csv_auto('" + file + "')",
      "SELECT * FROM read_text('" + file + "')",
      "SELECT * FROM read_blob('" + file + "')",
      "SELECT * FROM read_json('" + file + "')",
      "SELECT * FROM sniff_csv('" + file + "')",
      "SELECT * FROM '" + file + "'",
      "SELECT * FROM \"" + file + "\"",
      "FROM '/etc/passwd'",
      "FROM 'https://example.com/x.parquet'",
      "FROM 's3://bucket/x.parquet'",
      "SELECT * FROM glob('/etc/*')",
      "SELECT (SELECT content FROM read_text('" + file + "'))",
      "SELECT * FROM logs WHERE message IN (SELECT content FROM read_text('" + file + "'))",
      "SELECT * FROM logs WHERE EXISTS (FROM read_text('" + file + "'))",
      "SELECT 1 ORDER BY (SELECT count(*) FROM read_text('" + file + "'))",
      "SELECT 1 LIMIT (SELECT count(*) FROM read_text('" + file + "'))",
      "SELECT count(*) FILTER ((SELECT true FROM read_text('" + file + "'))) FROM logs",
      "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM read_text('" + file + "'))) FROM logs",
      "SELECT 1 FROM logs GROUP BY (SELECT count(*) FROM read_text('" + file + "'))",
      "SELECT 1 FROM logs HAVING (SELECT true FROM read_text('" + file + "'))",
      "SELECT 1 FROM logs QUALIFY (SELECT true FROM read_text('" + file + "'))",
      "SELECT * FROM logs a JOIN logs b ON (SELECT true FROM read_text('" + file + "'))",
      "SELECT * FROM range((SELECT count(*) FROM read_text('" + file + "')))",
      "SELECT * FROM (VALUES ((SELECT content FROM read_text('" + file + "'))))",
      "SELECT 1 UNION ALL SELECT 2 FROM read_text('" + file + "')",
      "SELECT CASE WHEN true THEN (SELECT content FROM read_text('" + file + "')) END",
      "SELECT list_transform([1], x -> (SELECT content FROM read_text('" + file + "')))",
      "WITH x AS (SELECT * FROM read_text('" + file + "')) SELECT * FROM x",
      "WITH x AS MATERIALIZED (SELECT * FROM read_text('" + file + "')) SELECT * FROM x",
      "WITH RECURSIVE x AS (SELECT content FROM read_text('" + file + "') UNION ALL SELECT * FROM x) SELECT * FROM x",
      // A name that is a CTE elsewhere, and a file here.
      "SELECT * FROM '" + file + "', (WITH \"" + file + "\" AS (SELECT 1) SELECT * FROM \"" + file + "\")",
      "WITH \"" + file + "\" AS (SELECT 1) SELECT * FROM main.\"" + file + "\"",
      // Our own objects and memory beside the views.
      "SELECT * FROM read_parquet('" + object + "')",
      "SELECT * FROM parquet_scan('" + object + "')",
      "SELECT * FROM parquet_metadata('" + object + "')",
      "SELECT * FROM '" + object + "'",
      "SELECT * FROM rw_rows(1)",
      // The catalog and the configuration.
      "SELECT * FROM duckdb_settings()",
      "SELECT * FROM duckdb_secrets()",
      "SELECT * FROM pragma_database_list()",
      "SELECT * FROM information_schema.tables",
      "SELECT * FROM sqlite_master",
      "SELECT * FROM pg_catalog.pg_tables",
      "SELECT * FROM query('SELECT 1')",
      "SELECT * FROM query_table('logs')",
      "SELECT current_setting('temp_directory')",
      "SELECT getenv('HOME')",
      "SHOW TABLES",
      "DESCRIBE logs",
      "SUMMARIZE logs",
      "EXPLAIN SELECT 1",
      "PRAGMA database_list",
      "PRAGMA enable_profiling",
      "SET memory_limit='1GB'",
      "RESET memory_limit",
      "SET VARIABLE x = 1",
      // Everything that is not a query.
      "COPY (SELECT 1) TO '" + f.folder + "/out.csv'",
      "COPY logs TO '" + f.folder + "/out.parquet'",
      "CREATE TABLE t AS SELECT 1",
      "CREATE VIEW logs AS SELECT 1",
      "CREATE MACRO m() AS 1",
      "CREATE SECRET (TYPE s3)",
      "INSERT INTO logs VALUES (1)",
      "DELETE FROM logs",
      "UPDATE logs SET service = 'x'",
      "DROP VIEW logs",
      "ALTER VIEW logs RENAME TO x",
      "ATTACH '" + f.folder + "/x.db'",
      "DETACH memory",
      "USE memory",
      "INSTALL httpfs",
      "LOAD httpfs",
      "LOAD '" + f.folder + "/x.duckdb_extension'",
      "EXPORT DATABASE '" + f.folder + "/dump'",
      "IMPORT DATABASE '" + f.folder + "/dump'",
      "CALL pragma_version()",
      "VACUUM",
      "CHECKPOINT",
      "BEGIN TRANSACTION",
      "PREPARE p AS SELECT 1",
      "EXECUTE p",
      "SELECT 1; SELECT 2",
      "SELECT 1; DROP VIEW logs",
      "PIVOT logs ON service USING count(*)",
      "WITH d AS (DELETE FROM logs RETURNING *) SELECT * FROM d",
      "WITH d AS (INSERT INTO logs VALUES (1) RETURNING *) SELECT * FROM d",
  };
  for (const auto& sql : kAttacks) {
    CAPTURE(sql);
    const auto table = f.ask(sql);
    REQUIRE_FALSE(table.ok());
    const bool refused = table.error().code == Errc::kDenied || table.error().code == Errc::kInvalid;
    CAPTURE(table.error().message);
    CHECK(refused);
    CHECK(table.error().message.find("hunter2") == std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(f.folder + "/out.csv"));
  CHECK(f.ask("SELECT count(*) FROM logs")->rows.at(0).at(0) == Value(std::int64_t{2}));
}

TEST_CASE("untrusted sql: the second wall holds without the first") {
  Fixture f;
  // Views are given by our own code and not guarded, so they show what the instance itself would allow.
  const auto through = [&](const std::string& select) { return f.duck->run_untrusted("SELECT * FROM v", {{"v", select}}, {}); };
  CHECK(through("SELECT 1").ok());
  const std::string kBehind[] = {
      "SELECT * FROM read_text('" + f.folder + "/secret.csv')",
      "SELECT * FROM read_csv('" + f.folder + "/secret.csv')",
      "SELECT * FROM glob('/etc/*')",
      "SELECT * FROM '/etc/passwd'",
      "SELECT * FROM read_text('rwblob://../../secret.csv')",
      "SELECT * FROM read_text('rwstage://x')",
  };
  for (const auto& sql : kBehind) {
    CAPTURE(sql);
    CHECK_FALSE(through(sql).ok());
  }
  // The trusted instance has no local files either.
  CHECK_FALSE(f.duck->run("SELECT * FROM read_text('" + f.folder + "/secret.csv')").ok());
  CHECK_FALSE(f.duck->run("COPY (SELECT 1) TO '" + f.folder + "/out.csv'").ok());
  CHECK_FALSE(f.duck->run("SET disabled_filesystems=''").ok());
  CHECK_FALSE(f.duck->run("COPY (SELECT 1 AS x) TO 'rwblob://x.parquet' (FORMAT parquet, USE_TMP_FILE false)").ok());
}

TEST_CASE("untrusted sql: length at the limit and one past it, deep nesting") {
  Fixture f;
  const std::string head = "SELECT 1 -- ";
  CHECK(f.ask(head + std::string(64 * 1024 - head.size(), 'x')).ok());
  CHECK(f.ask(head + std::string(64 * 1024 - head.size() + 1, 'x')).error().code == Errc::kLimit);
  CHECK_FALSE(f.ask("SELECT " + std::string(20'000, '(') + "1" + std::string(20'000, ')')).ok());
}
