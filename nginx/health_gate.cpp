// Instances the core judges down get no request, without a reload.
//
// Every balancer of nginx (round robin, least_conn, ip_hash, hash, random) passes over a peer whose `down` is
// set.  Before a request chooses its instance, the gate compares the table's generation with the last one it
// saw and, when that moved, writes the table into `down` of its peers.  So a request costs one load, and nginx
// keeps its own balancing, retries, backups and keepalive connections.
//
// The gate wraps peer.init after the configuration is complete.  That is behind every balancer and behind
// `keepalive`, so it does not matter where in the upstream block ringwall_health stands.
//
// Peers of an upstream with `zone` lie in memory all workers share.  Each worker writes them under the zone's
// lock and reads the table under it, so the last writer wrote the newest state.
#include "module.h"
#include "ring/health_table.h"

namespace ringwall::edge_module {

using ring::Health;

struct GatedPeer {
  ngx_uint_t slot;
  ngx_uint_t down;  // as configured
};

struct HealthGate {
  ngx_http_upstream_init_peer_pt original_init;
  const void* table;
  std::uint64_t generation;  // last written into the peers by this worker; 0 never
  ngx_uint_t closed;         // how many peers that count as tries it holds down now
  GatedPeer* peers;          // first those that are not backup, in nginx's order, then the backups
  ngx_uint_t count;
};

namespace {

UpstreamConf* upstream_conf(ngx_http_upstream_srv_conf_t* upstream) {
  return static_cast<UpstreamConf*>(ngx_http_conf_upstream_srv_conf(upstream, ngx_http_ringwall_module));
}

template <class Visit>
void each_peer(ngx_http_upstream_rr_peers_t* peers, Visit visit) {
  ngx_uint_t index = 0;
  for (auto* group = peers; group != nullptr; group = group->next) {
    for (auto* peer = group->peer; peer != nullptr; peer = peer->next) visit(*peer, index++);
  }
}

// The worst state that must still get requests: with nobody up, those that drain; with nobody at all, the
// ones that are down, because a wrong judgement must not become an outage.
Health worst_allowed(const HealthGate& gate, const ring::HealthView& table) {
  auto best = Health::kDown;
  for (ngx_uint_t i = 0; i < gate.count; ++i) {
    if (gate.peers[i].down != 0) continue;
    const auto state = table.state(static_cast<std::uint32_t>(gate.peers[i].slot));
    if (state == Health::kUp) return Health::kUp;
    if (state == Health::kDraining) best = Health::kDraining;
  }
  return best;
}

bool allowed(Health state, Health worst) {
  if (worst == Health::kDown) return true;
  return state == Health::kUp || (state == Health::kDraining && worst == Health::kDraining);
}

void apply(HealthGate& gate, ngx_http_upstream_rr_peers_t* peers) {
  const ring::HealthView table(gate.table);
  // Read first: a state that changes after this raises the generation again.
  const auto generation = table.generation();
  if (generation == gate.generation) return;
  ngx_http_upstream_rr_peers_wlock(peers);
  const auto worst = worst_allowed(gate, table);
  gate.closed = 0;
  each_peer(peers, [&](ngx_http_upstream_rr_peer_t& peer, ngx_uint_t index) {
    if (index >= gate.count) return;
    const auto& gated = gate.peers[index];
    const bool open = allowed(table.state(static_cast<std::uint32_t>(gated.slot)), worst);
    peer.down = gated.down != 0 || !open ? 1 : 0;
    if (!open && gated.down == 0) ++gate.closed;
  });
  ngx_http_upstream_rr_peers_unlock(peers);
  gate.generation = generation;
}

// One request's way through the balancer; lies between nginx and the balancer as `keepalive` does.
struct GatedRequest {
  ngx_http_request_t* request;
  ngx_http_upstream_srv_conf_t* upstream;
  ngx_peer_connection_t inner;  // get, free, data and sessions of the balancer
  ngx_uint_t closed;            // already taken off peer.tries
  ngx_uint_t used;              // tries that were made
  bool stale;                   // the last try died in a connection of the cache
  bool again;                   // the tried ones were forgotten once
};

HealthGate& gate_of(const GatedRequest& gated) { return *upstream_conf(gated.upstream)->gate; }

ngx_int_t get_peer(ngx_peer_connection_t* connection, void* data);
void free_peer(ngx_peer_connection_t* connection, void* data, ngx_uint_t state);
#if (NGX_HTTP_SSL)
ngx_int_t set_session(ngx_peer_connection_t* connection, void* data) {
  auto* gated = static_cast<GatedRequest*>(data);
  return gated->inner.set_session(connection, gated->inner.data);
}
void save_session(ngx_peer_connection_t* connection, void* data) {
  auto* gated = static_cast<GatedRequest*>(data);
  gated->inner.save_session(connection, gated->inner.data);
}
#endif

// Asks the balancer and puts itself before it.
ngx_int_t begin(GatedRequest* gated) {
  auto& peer = gated->request->upstream->peer;
  const auto result = gate_of(*gated).original_init(gated->request, gated->upstream);
  if (result != NGX_OK) return result;
  gated->inner = peer;
  peer.data = gated;
  peer.get = get_peer;
  peer.free = free_peer;
#if (NGX_HTTP_SSL)
  peer.set_session = set_session;
  peer.save_session = save_session;
#endif
  return NGX_OK;
}

ngx_int_t get_peer(ngx_peer_connection_t* connection, void* data) {
  auto* gated = static_cast<GatedRequest*>(data);
  auto result = gated->inner.get(connection, gated->inner.data);
  if (result == NGX_BUSY && gated->stale && !gated->again) {
    // Only the instance that closed an idle connection under us is open: it may be asked again over a new one,
    // as nginx does by itself where there is one instance.
    gated->again = true;
    const auto tries = connection->tries;
    connection->data = nullptr;
    if (begin(gated) != NGX_OK) return NGX_ERROR;
    connection->tries = tries;
    result = gated->inner.get(connection, gated->inner.data);
  }
  gated->stale = false;
  if (result == NGX_OK || result == NGX_AGAIN || result == NGX_DONE) ++gated->used;
  return result;
}

void free_peer(ngx_peer_connection_t* connection, void* data, ngx_uint_t state) {
  auto* gated = static_cast<GatedRequest*>(data);
  gated->stale = connection->cached && (state & NGX_PEER_FAILED) != 0;
  gated->inner.free(connection, gated->inner.data, state);
  if (state == 0) return;
  // Instances that came back since the request began are tries it has gained.
  auto& gate = gate_of(*gated);
  apply(gate, static_cast<ngx_http_upstream_rr_peers_t*>(gated->upstream->peer.data));
  if (gate.closed >= gated->closed) return;
  const auto allowed = gated->request->upstream->conf->next_upstream_tries;
  const auto wanted = connection->tries + gated->closed - gate.closed;
  gated->closed = gate.closed;
  connection->tries = allowed == 0 ? wanted : ngx_min(wanted, allowed > gated->used ? allowed - gated->used : 0);
}

ngx_int_t init_peer(ngx_http_request_t* request, ngx_http_upstream_srv_conf_t* upstream) {
  auto& gate = *upstream_conf(upstream)->gate;
  apply(gate, static_cast<ngx_http_upstream_rr_peers_t*>(upstream->peer.data));
  auto* gated = static_cast<GatedRequest*>(ngx_pcalloc(request->pool, sizeof(GatedRequest)));
  if (gated == nullptr) return NGX_ERROR;
  gated->request = request;
  gated->upstream = upstream;
  gated->closed = gate.closed;
  // A resumed request may come here with the data of its last upstream, which is ours and not the balancer's.
  request->upstream->peer.data = nullptr;
  const auto result = begin(gated);
  if (result != NGX_OK) return result;
  // nginx counted the closed ones as tries; with too many left it would look for an instance that is not
  // there and answer 502 instead of passing on the last answer it has.
  auto& tries = request->upstream->peer.tries;
  tries = tries > gate.closed ? tries - gate.closed : 1;
  return NGX_OK;
}

ngx_int_t make_gate(ngx_conf_t* cf, ngx_http_upstream_srv_conf_t* upstream, UpstreamConf& conf,
                    const MainConf& main) {
  const auto complain = [&](const char* what, ngx_uint_t number) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "ringwall_health in upstream \"%V\" in %s:%ui: %s (%ui)",
                  &upstream->host, upstream->file_name, upstream->line, what, number);
    return NGX_ERROR;
  };
  const auto slot_count = conf.slots->nelts;
  const auto* slots = static_cast<const ngx_uint_t*>(conf.slots->elts);
  if (main.health == nullptr) return complain("there is no ringwall_health_table in http{}", slot_count);
  const auto servers = upstream->servers != nullptr ? upstream->servers->nelts : 0;
  if (servers != slot_count) return complain("one slot per server line is expected, servers", servers);
  const ring::HealthView table(main.health);
  for (ngx_uint_t i = 0; i < slot_count; ++i) {
    if (slots[i] >= table.slot_count()) return complain("the health table has no slot", slots[i]);
  }

  const auto* server = static_cast<const ngx_http_upstream_server_t*>(upstream->servers->elts);
  ngx_uint_t count = 0;
  for (ngx_uint_t i = 0; i < servers; ++i) count += server[i].naddrs;
  auto* gate = static_cast<HealthGate*>(ngx_pcalloc(cf->pool, sizeof(HealthGate)));
  if (gate == nullptr) return NGX_ERROR;
  gate->peers = static_cast<GatedPeer*>(ngx_pcalloc(cf->pool, count * sizeof(GatedPeer)));
  if (gate->peers == nullptr) return NGX_ERROR;
  for (const ngx_uint_t backup : {0, 1}) {
    for (ngx_uint_t i = 0; i < servers; ++i) {
      if (server[i].backup != backup) continue;
      for (ngx_uint_t address = 0; address < server[i].naddrs; ++address) {
        gate->peers[gate->count++] = {slots[i], server[i].down};
      }
    }
  }
  // The balancer's own list must be the one we think it is, or slots would gate somebody else.
  ngx_uint_t found = 0;
  each_peer(static_cast<ngx_http_upstream_rr_peers_t*>(upstream->peer.data),
            [&found](ngx_http_upstream_rr_peer_t&, ngx_uint_t) { ++found; });
  if (found != gate->count) return complain("this balancer keeps its own list of servers", found);

  gate->table = main.health;
  gate->original_init = upstream->peer.init;
  upstream->peer.init = init_peer;
  conf.gate = gate;
  return NGX_OK;
}

}  // namespace

char* set_health_slots(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* upstream = static_cast<UpstreamConf*>(conf);
  if (upstream->slots != nullptr) return const_cast<char*>("is duplicate");
  upstream->slots = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_uint_t));
  if (upstream->slots == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
  auto* words = static_cast<ngx_str_t*>(cf->args->elts);
  for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
    const auto slot = ngx_atoi(words[i].data, words[i].len);
    if (slot == NGX_ERROR || slot >= static_cast<ngx_int_t>(ring::kHealthSlotsMax)) {
      ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid slot \"%V\": a number below %ud is expected", &words[i],
                         ring::kHealthSlotsMax);
      return static_cast<char*>(NGX_CONF_ERROR);
    }
    auto* added = static_cast<ngx_uint_t*>(ngx_array_push(upstream->slots));
    if (added == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
    *added = static_cast<ngx_uint_t>(slot);
  }
  return NGX_CONF_OK;
}

ngx_int_t install_health_gates(ngx_conf_t* cf, const MainConf& main) {
  auto* upstreams = static_cast<ngx_http_upstream_main_conf_t*>(
      ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module));
  auto** each = static_cast<ngx_http_upstream_srv_conf_t**>(upstreams->upstreams.elts);
  for (ngx_uint_t i = 0; i < upstreams->upstreams.nelts; ++i) {
    if (each[i]->srv_conf == nullptr) continue;  // made by proxy_pass, without a block
    auto* conf = upstream_conf(each[i]);
    if (conf->slots == nullptr) continue;
    if (make_gate(cf, each[i], *conf, main) != NGX_OK) return NGX_ERROR;
  }
  return NGX_OK;
}

}  // namespace ringwall::edge_module
