// Requests to an API that has a description: those that do not fit it are refused, or noted.
#include "firewall.h"

namespace ringwall::edge_module {

namespace {

// Of what nginx has read, in memory or in a file.
std::size_t body_bytes(const ngx_http_request_t* request) {
  if (request->request_body == nullptr) return 0;
  std::size_t bytes = 0;
  for (const auto* link = request->request_body->bufs; link != nullptr; link = link->next) bytes += static_cast<std::size_t>(ngx_buf_size(link->buf));
  return bytes;
}

waf::Mode mode_of(const Judged& judged, const policy::PlacedModel& model) {
  auto mode = model.text.mode == waf::Mode::kAsRules ? judged.policy->mode : model.text.mode;
  if (mode == waf::Mode::kAsRules) mode = judged.transaction->enforcing() ? waf::Mode::kBlock : waf::Mode::kLog;
  return mode;
}

}  // namespace

void judge_model(ngx_http_request_t* request, Judged& judged) {
  const auto& model = judged.policy->model;
  if (!model || (judged.list != nullptr && judged.list->text.skip_rules)) return;
  const auto mode = mode_of(judged, *model);
  if (mode == waf::Mode::kOff) return;
  openapi::Request wanted;
  wanted.method = view(request->method_name);
  wanted.target = target_of(request);
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) wanted.headers.emplace_back(view(headers[i].key), view(headers[i].value));
  }
  wanted.body = judged.transaction->request_body_seen();
  wanted.body_known = judged.body_there ? body_bytes(request) == wanted.body.size() : !has_body(request);
  const auto judgement = model->model->judge(wanted, model->text.options, main_conf(request)->policies->scratch());
  if (judgement.fits()) return;
  const bool refuse = mode == waf::Mode::kBlock;
  judged.misfits = policy::model_matches(judgement, refuse);
  if (refuse) judged.verdict = {.action = waf::Verdict::Action::kDeny, .status = judgement.status, .rule_id = judged.misfits.at(0).rule_id};
}

}  // namespace ringwall::edge_module
