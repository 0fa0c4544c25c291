// The firewall of the module: requests and answers through the engine of src/waf, one file per half.
//   policies.cpp         rules and modes of this worker, and their updates
//   firewall.cpp         directives, and what of a request is remembered
//   firewall_request.cpp phases 1 and 2: request line, headers, body
//   lists.cpp            who is let through and who is refused, and where clients are
//   model.cpp            whether a request fits the description of the API
//   limits.cpp           how often and how many at once
//   bots.cpp             whether a program asks
//   firewall_answer.cpp  phases 3 and 4: the answer's headers and body; phase 5 and what is recorded
#pragma once

#include <memory>

#include "module.h"
#include "policies.h"

namespace ringwall::edge_module {

// A limit this request is counted by: a place it has (`lease`), or when its answer is one that counts.
struct CountedLimit {
  const policy::Limit* limit = nullptr;
  std::string key;
  std::int64_t lease = 0;
  std::uint64_t value = 0;  // of those that count different ones
};

// Where a client is, as far as the databases of places know.  Texts are of the judged request's policies.
struct ClientPlace {
  std::string_view country, organization;
  std::uint32_t asn = 0;
};

// One judged request; lives as long as its RequestContext.
struct Judged {
  std::shared_ptr<const PlacedPolicies> policies;
  const policy::Policy* policy = nullptr;
  std::unique_ptr<waf::Transaction> transaction;
  waf::Verdict verdict;
  std::size_t logged = 0;  // matches that are in the error log already
  bool enforced = false;   // the verdict was carried out
  bool headers_done = false, body_asked = false, body_there = false, request_done = false;
  bool paused = false;
  const policy::Limit* reached = nullptr;  // beyond this limit, refused for it or not
  policy::BotSignals bots;
  bool noted = false;      // for its score as a program, refused for it or not
  std::vector<CountedLimit> counted;
  const policy::List* list = nullptr;  // that decided, or noted
  bool listed_out = false;             // refused by it
  ClientPlace place;
  std::size_t misfits_logged = 0;
  std::vector<waf::Match> misfits;  // where the request does not fit the API's description
  // The answer.
  bool answer_begun = false, answer_done = false;
  bool inspecting = false;  // its body goes through the engine
  bool holding = false;     // and nothing of it goes out until the engine has said yes
  ngx_chain_t* held = nullptr;
  ngx_chain_t** held_end = nullptr;
  bool finished = false;
  ngx_str_t server_address{};
};

inline bool refused(const Judged& judged) { return judged.verdict.action != waf::Verdict::Action::kPass; }

// firewall.cpp
char* set_waf_policies(ngx_conf_t* cf, ngx_command_t* command, void* conf);
char* set_waf_place(ngx_conf_t* cf, ngx_command_t* command, void* conf);
ngx_int_t install_firewall(ngx_conf_t* cf, MainConf& conf);
void start_firewall(MainConf& conf) noexcept;
void stop_firewall(MainConf& conf) noexcept;
// Of this request, or null when it is not judged.
Judged* judged_of(ngx_http_request_t* request) noexcept;
// Matches since the last call go to the error log, where that is wanted.
void log_matches(ngx_http_request_t* request, Judged& judged) noexcept;
// NGX_DECLINED to go on, or the status to answer with.
ngx_int_t carry_out(ngx_http_request_t* request, Judged& judged) noexcept;

// firewall_request.cpp
ngx_int_t on_waf_rewrite(ngx_http_request_t* request);
ngx_int_t on_waf_preaccess(ngx_http_request_t* request);

// Whether verdicts are carried out at this place.
bool enforcing(const Judged& judged) noexcept;
// 4 or 16 bytes; empty for a unix socket.
std::string_view address_bytes(const ngx_connection_t* connection);

// lists.cpp
// Before limits and rules.  NGX_DECLINED to go on, or the status to answer with.
ngx_int_t list_request(ngx_http_request_t* request, Judged& judged);

std::string_view target_of(const ngx_http_request_t* request);
bool has_body(const ngx_http_request_t* request);

// model.cpp
// When the body is there.  A refusal becomes the verdict.
void judge_model(ngx_http_request_t* request, Judged& judged);

// bots.cpp
// The signals of the request line and headers, for the record and for rules.
void watch_for_bots(ngx_http_request_t* request, Judged& judged) noexcept;
// NGX_DECLINED to go on, or the status to answer with.
ngx_int_t refuse_bot(ngx_http_request_t* request, Judged& judged) noexcept;
// What only the answer shows.
void settle_bots(ngx_http_request_t* request, Judged& judged, int status) noexcept;

// limits.cpp
inline constexpr int kTooMany = 429;
// Those that need the body come when it is known.  NGX_DECLINED to go on, or the status to answer with.
ngx_int_t limit_request(ngx_http_request_t* request, Judged& judged, bool body_known);
void settle_limits(ngx_http_request_t* request, Judged& judged, int status) noexcept;

// firewall_answer.cpp
void install_answer_filters() noexcept;
// Runs phase 5 and hands the audit record to the ring; what the edge record says of the verdict.
struct WafOutcome {
  std::uint8_t verdict = 0;
  std::uint16_t score = 0;
  std::uint32_t rule_id = 0;
  std::string_view limit;  // the name of the one that was reached; lives as long as the request
  policy::BotSignals bots;
  std::string_view list;
  ClientPlace place;
};
WafOutcome finish_firewall(ngx_http_request_t* request) noexcept;
ngx_int_t on_waf_log(ngx_http_request_t* request);

}  // namespace ringwall::edge_module
