#include "store/detail/sql_guard.h"

#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/expression/subquery_expression.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/query_node/cte_node.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/query_node/recursive_cte_node.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/list.hpp>

#include <fmt/format.h>

namespace ringwall::store {

namespace {

// Table functions that only make rows of their arguments.
constexpr std::string_view kTableFunctions[] = {"range", "generate_series", "unnest"};

// Scalar functions that look outside the query.  Most do not exist in an embedded DuckDB; the list is for the day
// an extension or a new version brings them.
constexpr std::string_view kDeniedFunctions[] = {
    "getenv", "current_setting", "query", "query_table", "write_log", "nextval", "currval", "getvariable",
    "read_text", "read_blob", "glob", "which_secret", "json_execute_serialized_sql", "sleep_ms", "add_parquet_key",
};

bool plain_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

// Walks the whole parse tree and remembers the first thing that is not allowed.
class Guard {
 public:
  explicit Guard(const std::set<std::string>& views) : names_(views) {}

  void statement(duckdb::SelectStatement& select) { node(*select.node); }
  const std::string& refused() const { return refused_; }

 private:
  void refuse(std::string what) {
    if (refused_.empty()) refused_ = std::move(what);
  }

  void node(duckdb::QueryNode& query) {
    // A CTE's name hides a view's, and is known in all that follows.  Names are kept plain because DuckDB takes an
    // unknown name with a dot or slash for a file, and a CTE elsewhere in the statement must not excuse it.
    const auto outer = names_;
    for (auto& entry : query.cte_map.map) {
      if (!plain_name(entry.first)) return refuse(fmt::format("the name '{}'", entry.first));
      names_.insert(duckdb::StringUtil::Lower(entry.first));
    }
    for (auto& entry : query.cte_map.map) {
      if (entry.second->query != nullptr) statement(*entry.second->query);
      for (auto& key : entry.second->key_targets) expression(*key);
    }
    body(query);
    duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(
        query, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& child) { expression(*child); });
    names_ = outer;
  }

  void body(duckdb::QueryNode& query) {
    switch (query.type) {
      case duckdb::QueryNodeType::SELECT_NODE: {
        auto& select = query.Cast<duckdb::SelectNode>();
        for (auto& child : select.select_list) expression(*child);
        for (auto& child : select.groups.group_expressions) expression(*child);
        if (select.where_clause) expression(*select.where_clause);
        if (select.having) expression(*select.having);
        if (select.qualify) expression(*select.qualify);
        if (select.from_table) table(*select.from_table);
        return;
      }
      case duckdb::QueryNodeType::SET_OPERATION_NODE: {
        auto& operation = query.Cast<duckdb::SetOperationNode>();
        node(*operation.left);
        node(*operation.right);
        return;
      }
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
        auto& recursive = query.Cast<duckdb::RecursiveCTENode>();
        if (!plain_name(recursive.ctename)) return refuse(fmt::format("the name '{}'", recursive.ctename));
        const auto outer = names_;
        names_.insert(duckdb::StringUtil::Lower(recursive.ctename));
        node(*recursive.left);
        node(*recursive.right);
        for (auto& key : recursive.key_targets) expression(*key);
        names_ = outer;
        return;
      }
      case duckdb::QueryNodeType::CTE_NODE: {
        auto& cte = query.Cast<duckdb::CTENode>();
        if (!plain_name(cte.ctename)) return refuse(fmt::format("the name '{}'", cte.ctename));
        const auto outer = names_;
        names_.insert(duckdb::StringUtil::Lower(cte.ctename));
        node(*cte.query);
        node(*cte.child);
        names_ = outer;
        return;
      }
      default:
        return refuse("this kind of query");
    }
  }

  void table(duckdb::TableRef& ref) {
    switch (ref.type) {
      case duckdb::TableReferenceType::BASE_TABLE: {
        auto& base = ref.Cast<duckdb::BaseTableRef>();
        if (!base.catalog_name.empty() || !base.schema_name.empty()) {
          return refuse(fmt::format("the table {}", base.ToString()));
        }
        if (names_.count(duckdb::StringUtil::Lower(base.table_name)) == 0) {
          return refuse(fmt::format("the table '{}'", base.table_name));
        }
        return;
      }
      case duckdb::TableReferenceType::TABLE_FUNCTION: {
        auto& function = ref.Cast<duckdb::TableFunctionRef>();
        if (function.subquery) statement(*function.subquery);
        if (function.function->GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return refuse("this table function");
        const auto& call = function.function->Cast<duckdb::FunctionExpression>();
        const auto name = duckdb::StringUtil::Lower(call.function_name);
        const bool known = std::find(std::begin(kTableFunctions), std::end(kTableFunctions), name) != std::end(kTableFunctions);
        if (!known || !call.schema.empty() || !call.catalog.empty()) return refuse(fmt::format("the table function {}()", name));
        return children(*function.function);
      }
      case duckdb::TableReferenceType::SUBQUERY:
        return statement(*ref.Cast<duckdb::SubqueryRef>().subquery);
      case duckdb::TableReferenceType::JOIN: {
        auto& join = ref.Cast<duckdb::JoinRef>();
        table(*join.left);
        table(*join.right);
        if (join.condition) expression(*join.condition);
        for (auto& child : join.duplicate_eliminated_columns) expression(*child);
        return;
      }
      case duckdb::TableReferenceType::EXPRESSION_LIST:
        for (auto& row : ref.Cast<duckdb::ExpressionListRef>().values) {
          for (auto& value : row) expression(*value);
        }
        return;
      case duckdb::TableReferenceType::EMPTY_FROM:
        return;
      default:
        // PIVOT expands into several statements, SHOW and DESCRIBE reach the catalog.
        return refuse("this kind of FROM");
    }
  }

  void expression(duckdb::ParsedExpression& parsed) {
    if (parsed.GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      statement(*parsed.Cast<duckdb::SubqueryExpression>().subquery);
    }
    if (parsed.GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
      const auto name = duckdb::StringUtil::Lower(parsed.Cast<duckdb::FunctionExpression>().function_name);
      const bool denied = std::find(std::begin(kDeniedFunctions), std::end(kDeniedFunctions), name) != std::end(kDeniedFunctions);
      if (denied || name.rfind("duckdb_", 0) == 0 || name.rfind("pragma_", 0) == 0) {
        return refuse(fmt::format("the function {}()", name));
      }
    }
    children(parsed);
  }

  void children(duckdb::ParsedExpression& parsed) {
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        parsed, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& child) { expression(*child); });
  }

  std::set<std::string> names_;  // lower case: views and the CTEs in scope
  std::string refused_;
};

}  // namespace

Result<std::unique_ptr<duckdb::SQLStatement>> guard_select(std::string_view sql, const std::set<std::string>& views) {
  if (sql.size() > kUntrustedSqlBytesMax) {
    return fail(Errc::kLimit, fmt::format("a statement has at most {} bytes", kUntrustedSqlBytesMax));
  }
  duckdb::Parser parser;
  try {
    parser.ParseQuery(std::string(sql));
  } catch (const std::exception& error) {
    return fail(Errc::kInvalid, duckdb::ErrorData(error).Message());
  }
  if (parser.statements.size() != 1) {
    return fail(parser.statements.empty() ? Errc::kInvalid : Errc::kDenied, "one statement is expected");
  }
  auto statement = std::move(parser.statements[0]);
  if (statement->type != duckdb::StatementType::SELECT_STATEMENT) {
    return fail(Errc::kDenied, "only SELECT is allowed here");
  }
  Guard guard(views);
  guard.statement(statement->Cast<duckdb::SelectStatement>());
  if (!guard.refused().empty()) {
    return fail(Errc::kDenied, guard.refused() + " is not available here", "tables: logs, spans, metrics");
  }
  return std::unique_ptr<duckdb::SQLStatement>(std::move(statement));
}

}  // namespace ringwall::store
