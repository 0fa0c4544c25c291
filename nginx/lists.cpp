// Lists of the request's place: who is let through and who is refused before anything else is looked at, by the address nginx knows
// (which ngx_http_realip_module may have set) and by country.  Memory is that of mapped files, shared by all workers.
#include "firewall.h"
#include "places/database.h"

namespace ringwall::edge_module {

namespace {

constexpr int kRefused = 403;

ClientPlace place_of(const places::Address& client, const std::vector<std::shared_ptr<const places::Database>>& databases) {
  ClientPlace out;
  // As for rules (waf/geo.cpp): the last database that knows something says it.
  for (const auto& database : databases) {
    const auto record = database->find(client);
    if (!record) continue;
    if (const auto country = database->text(*record, {"country", "iso_code"}); country.size() == 2) out.country = country;
    if (const auto name = database->text(*record, {"autonomous_system_organization"}); !name.empty()) out.organization = name;
    const auto number = database->value(*record, {"autonomous_system_number"});
    if (const auto* asn = number ? std::get_if<std::uint64_t>(&*number) : nullptr) out.asn = static_cast<std::uint32_t>(*asn);
  }
  return out;
}

}  // namespace

ngx_int_t list_request(ngx_http_request_t* request, Judged& judged) {
  const auto& databases = judged.policies->set->rules()->settings().places;
  const auto& lists = judged.policy->lists;
  if (databases.empty() && lists.empty()) return NGX_DECLINED;
  const auto client = places::address_of_bytes(address_bytes(request->connection));
  if (!client) return NGX_DECLINED;
  judged.place = place_of(*client, databases);
  judged.list = policy::ask_lists(lists, *client, judged.place.country, view(request->uri));
  if (judged.list == nullptr) return NGX_DECLINED;
  const bool denies = judged.list->action == policy::ListAction::kDeny;
  if (judged.list->text.skip_rules) judged.transaction->allow();
  if (judged.list->action == policy::ListAction::kAllow) return NGX_DECLINED;
  ngx_log_error(NGX_LOG_NOTICE, request->connection->log, 0, "ringwall: list \"%s\" %s", judged.list->text.name.c_str(), denies ? "denies" : "notes");
  if (!denies || !enforcing(judged)) return NGX_DECLINED;
  judged.listed_out = true;
  judged.verdict = {.action = waf::Verdict::Action::kDeny, .status = kRefused};
  return carry_out(request, judged);
}

}  // namespace ringwall::edge_module
