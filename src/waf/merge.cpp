// Actions laid on actions: updates on rules, rules on the defaults of their phase.
#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

template <class T>
void replace_if_set(T& base, const T& over) {
  if (over) base = over;
}
void replace_if_set(std::string& base, const std::string& over) {
  if (!over.empty()) base = over;
}
void replace_if_set(Macro& base, const Macro& over) {
  if (!over.pieces.empty()) base = over;
}
template <class T>
void append_all(std::vector<T>& base, const std::vector<T>& over) {
  base.insert(base.end(), over.begin(), over.end());
}

}  // namespace

void lay_over(Actions& base, const Actions& over) {
  if (over.transformations_reset) base.transformations.clear();
  append_all(base.transformations, over.transformations);
  base.transformations_reset = base.transformations_reset || over.transformations_reset;
  if (over.disruptive != Disruptive::kNone) {
    base.disruptive = over.disruptive;
    base.redirect = over.redirect;
    base.pause_ms = over.pause_ms;
  }
  // nolog without a word on the audit log means that one too, whatever stood there before.
  if (over.log == false && !over.audit_log) base.audit_log = false;
  replace_if_set(base.log, over.log);
  replace_if_set(base.audit_log, over.audit_log);
  replace_if_set(base.status, over.status);
  replace_if_set(base.severity, over.severity);
  replace_if_set(base.maturity, over.maturity);
  replace_if_set(base.accuracy, over.accuracy);
  replace_if_set(base.msg, over.msg);
  replace_if_set(base.log_data, over.log_data);
  replace_if_set(base.rev, over.rev);
  replace_if_set(base.ver, over.ver);
  replace_if_set(base.skip_after, over.skip_after);
  replace_if_set(base.set_uid, over.set_uid);
  replace_if_set(base.set_sid, over.set_sid);
  replace_if_set(base.set_rsc, over.set_rsc);
  if (over.skip != 0) base.skip = over.skip;
  base.capture = base.capture || over.capture;
  base.multi_match = base.multi_match || over.multi_match;
  append_all(base.tags, over.tags);
  append_all(base.set_vars, over.set_vars);
  append_all(base.controls, over.controls);
  append_all(base.init_cols, over.init_cols);
  append_all(base.expire_vars, over.expire_vars);
  append_all(base.set_env, over.set_env);
}

void join_defaults(Rule& rule, const Actions* defaults) {
  auto& own = rule.actions;
  if (defaults != nullptr) {
    auto joined = *defaults;
    // What SecDefaultAction does to a request it does for `block` alone; without one the rule only watches.
    if (own.disruptive == Disruptive::kNone) joined.disruptive = Disruptive::kNone;
    auto rest = own;
    if (own.disruptive == Disruptive::kBlock) rest.disruptive = Disruptive::kNone;
    lay_over(joined, rest);
    joined.id = own.id;
    joined.phase = own.phase;
    joined.chain = own.chain;
    own = std::move(joined);
    for (auto& link : rule.chained) {
      auto& its = link.actions;
      if (!its.transformations_reset)
        its.transformations.insert(its.transformations.begin(), defaults->transformations.begin(),
                                   defaults->transformations.end());
    }
  }
  // Without a SecDefaultAction for the phase nothing is blocked (libmodsecurity, and the manual's default of
  // `pass`).
  if (own.disruptive == Disruptive::kBlock) own.disruptive = Disruptive::kPass;
}

}  // namespace ringwall::waf::seclang
