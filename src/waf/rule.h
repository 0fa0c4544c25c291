// A rule as its author wrote it, understood but not yet compiled: what seclang.h makes and engine.h takes.
//
// Source: ModSecurity reference manual v3; names as there, without regard to case.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "waf/transform.h"

namespace ringwall::places {
class Database;
}

namespace ringwall::waf {

enum class Variable : std::uint8_t {
  // Collections of pairs.
  kArgs, kArgsGet, kArgsPost, kArgsNames, kArgsGetNames, kArgsPostNames, kRequestHeaders, kRequestHeadersNames, kRequestCookies,
  kRequestCookiesNames, kResponseHeaders, kResponseHeadersNames, kFiles, kFilesNames, kFilesSizes, kFilesTmpNames,
  kFilesTmpContent, kMultipartPartHeaders, kMatchedVars, kMatchedVarsNames, kTx, kIp, kGlobal, kSession, kUser, kResource, kEnv, kGeo,
  kRule, kXml,
  // Single values.
  kArgsCombinedSize, kAuthType, kDuration, kFilesCombinedSize, kFullRequest, kFullRequestLength, kHighestSeverity,
  kInboundDataError, kMatchedVar, kMatchedVarName, kModsecBuild, kMultipartCrlfLfLines, kMultipartFilename, kMultipartName,
  kMultipartStrictError, kMultipartUnmatchedBoundary, kMultipartBoundaryQuoted, kMultipartBoundaryWhitespace,
  kMultipartDataBefore, kMultipartDataAfter, kMultipartHeaderFolding, kMultipartLfLine, kMultipartSemicolonMissing,
  kMultipartInvalidQuoting, kMultipartInvalidPart, kMultipartInvalidHeaderFolding, kMultipartFileLimitExceeded,
  kMscPcreError, kMscPcreLimitsExceeded, kOutboundDataError, kPathInfo, kQueryString, kRemoteAddr, kRemoteHost, kRemotePort,
  kRemoteUser, kReqbodyError, kReqbodyErrorMsg, kReqbodyProcessor, kReqbodyProcessorError, kReqbodyProcessorErrorMsg,
  kRequestBasename, kRequestBody, kRequestBodyLength, kRequestFilename, kRequestLine, kRequestMethod, kRequestProtocol, kRequestUri,
  kRequestUriRaw, kResponseBody, kResponseContentLength, kResponseContentType, kResponseProtocol, kResponseStatus,
  kServerAddr, kServerName, kServerPort, kSessionId, kStatusLine, kTime, kTimeDay, kTimeEpoch, kTimeHour, kTimeMin, kTimeMon, kTimeSec,
  kTimeWday, kTimeYear, kUniqueId, kUrlencodedError, kUserId, kWebAppId,
};
std::optional<Variable> variable_named(std::string_view name);
std::string_view name_of(Variable variable);
bool is_collection(Variable variable);

// ARGS, &ARGS, !ARGS:csrf, REQUEST_COOKIES:/^_ga/, XML:/*
struct Selector {
  enum class Kind : std::uint8_t { kAll, kName, kRegex, kXPath };
  Variable variable = Variable::kArgs;
  Kind kind = Kind::kAll;
  bool count = false, exclude = false;
  std::string key;  // as written, without the slashes of a regex
};

enum class Operator : std::uint8_t {
  kBeginsWith, kContains, kContainsWord, kDetectSqli, kDetectXss, kEndsWith, kEq, kFuzzyHash, kGe, kGeoLookup, kGt, kInspectFile,
  kIpMatch, kIpMatchFromFile, kLe, kLt, kNoMatch, kPm, kPmFromFile, kRbl, kRsub, kRx, kRxGlobal, kStreq, kStrmatch, kUnconditionalMatch,
  kValidateByteRange, kValidateDtd, kValidateSchema, kValidateUrlEncoding, kValidateUtf8Encoding, kVerifyCc, kVerifyCpf,
  kVerifySsn, kVerifySvnr, kWithin,
};
std::optional<Operator> operator_named(std::string_view name);
std::string_view name_of(Operator op);

// A text with %{NAME} and %{NAME.key} in it, in pieces.
struct MacroPiece {
  std::string literal;  // when `variable` is empty
  std::optional<Variable> variable;
  std::string key;      // "" for single values; itself never a macro
};
struct Macro {
  std::vector<MacroPiece> pieces;
  bool constant() const { return pieces.empty() || (pieces.size() == 1 && !pieces[0].variable); }
  std::string text() const { return pieces.empty() ? std::string() : pieces[0].literal; }  // of a constant one
};

enum class Disruptive : std::uint8_t { kNone, kAllow, kAllowPhase, kAllowRequest, kBlock, kDeny, kDrop, kPass, kPause, kProxy, kRedirect };

struct SetVar {
  enum class Kind : std::uint8_t { kAssign, kAdd, kSubtract, kUnset };
  Variable collection = Variable::kTx;  // kTx kIp kGlobal kSession kUser kResource kEnv
  Macro key;
  Kind kind = Kind::kAssign;
  Macro value;
};

struct Control {
  enum class Kind : std::uint8_t {
    kAuditEngine, kAuditLogParts, kForceRequestBodyVariable, kRequestBodyAccess, kRequestBodyProcessor, kResponseBodyAccess, kRuleEngine,
    kRuleRemoveById, kRuleRemoveByTag, kRuleRemoveByMsg, kRuleRemoveTargetById, kRuleRemoveTargetByTag, kRuleRemoveTargetByMsg,
    kRequestBodyLimit, kResponseBodyLimit, kDebugLogLevel,
  };
  Kind kind;
  std::string value;    // what stands behind '=', up to a ';'
  std::vector<Selector> targets;  // behind the ';' of the …Target… forms
};

struct InitCol {
  Variable collection;
  Macro key;
};
struct ExpireVar {
  Variable collection;
  Macro key, seconds;
};

struct Actions {
  std::optional<std::uint64_t> id;
  std::optional<int> phase;            // 1..5
  std::vector<Transformation> transformations;
  bool transformations_reset = false;  // t:none came first: those of SecDefaultAction are dropped
  Disruptive disruptive = Disruptive::kNone;
  std::optional<int> status;
  Macro redirect;                      // of redirect and proxy
  std::uint64_t pause_ms = 0;
  std::optional<bool> log, audit_log;
  bool capture = false, multi_match = false, chain = false;
  Macro msg, log_data;
  std::vector<Macro> tags;
  std::optional<int> severity;         // 0 emergency .. 7 debug
  std::string rev, ver;
  std::optional<int> maturity, accuracy;
  int skip = 0;
  std::string skip_after;
  std::vector<SetVar> set_vars;
  std::vector<Control> controls;
  std::vector<InitCol> init_cols;
  std::vector<ExpireVar> expire_vars;
  Macro set_uid, set_sid, set_rsc;
  std::vector<std::pair<std::string, Macro>> set_env;
};

struct SourcePlace {
  std::string file;
  int line = 0;
};

struct Rule {
  SourcePlace place;
  std::vector<Selector> selectors;  // empty: SecAction, which always matches
  Operator op = Operator::kUnconditionalMatch;
  bool negated = false;
  Macro argument;                   // of @rx, @pm and files: constant
  std::vector<std::string> file_lines;  // what the file of …FromFile held, comments and empty lines left out
  Actions actions;                  // with those of SecDefaultAction joined
  std::vector<Rule> chained;        // the further rules of its chain, in order; they have none themselves
};

struct Marker {
  SourcePlace place;
  std::string name;
};

// What stands in a rule set, in its order.
struct Item {
  std::optional<Rule> rule;
  std::optional<Marker> marker;
};

enum class Engine : std::uint8_t { kOff, kOn, kDetectionOnly };
enum class LimitAction : std::uint8_t { kReject, kProcessPartial };
enum class AuditEngine : std::uint8_t { kOff, kOn, kRelevantOnly };

struct Settings {
  Engine engine = Engine::kOff;
  bool request_body_access = false, response_body_access = false;
  std::uint64_t request_body_limit = 134'217'728, request_body_no_files_limit = 131'072, response_body_limit = 524'288;
  LimitAction request_body_limit_action = LimitAction::kReject, response_body_limit_action = LimitAction::kProcessPartial;
  std::uint64_t json_depth_limit = 512, arguments_limit = 1000, upload_file_limit = 100;
  std::vector<std::string> response_mime_types{"text/plain", "text/html"};
  char argument_separator = '&';
  AuditEngine audit_engine = AuditEngine::kOff;
  std::string web_app_id, component_signature;
  std::uint64_t collection_timeout_s = 3600;
  std::shared_ptr<const UnicodeMap> unicode_map;  // of SecUnicodeMapFile; null: there is none
  std::vector<std::shared_ptr<const places::Database>> places;  // of SecGeoLookupDb, each of them; the last that knows counts
};

struct RuleSetSource {
  Settings settings;
  std::vector<Item> items;
  std::vector<std::string> warnings;  // accepted and without effect here, each with its place
};

}  // namespace ringwall::waf
