// Real processes and sockets for module_test.cpp: an nginx of one test, backends that remember what they were
// asked, a client that sends bytes as they are.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "policy/policy.h"
#include "ring/edge_record.h"
#include "ring/ring.h"
#include "ring/waf_event.h"
#include "ring/test_folder.h"

namespace ringwall::edge_module {

// Until `done` answers true or ten seconds are over.
bool eventually(const std::function<bool()>& done);

int free_port();

// Sends the bytes, reads until the other side closes; with `until`, only until that was read.
std::string converse(int port, std::string_view bytes, std::string_view until = "");
// One request on its own connection; `extra` are header lines with their line ends.
std::string get(int port, const std::string& path, const std::string& extra = "");
int status_of(std::string_view response);
// The same with a body, of a form unless the header lines say otherwise.
std::string post(int port, const std::string& path, const std::string& body, const std::string& headers = "Content-Type: application/x-www-form-urlencoded\r\n");
// One request after the other on one TLS connection, 1.2 or 1.3 as both like; returns the last status.
int get_over_tls(int port, const std::string& server_name, const std::vector<std::string>& paths);

// A key and a self-signed certificate for 127.0.0.1, in PEM.
void write_certificate(const std::string& key_path, const std::string& certificate_path);

// An HTTP/1.1 server that answers every request with `status` and its own name, and keeps what it was asked.
class Backend {
 public:
  explicit Backend(std::string name, int status = 200);
  ~Backend();
  int port() const { return port_; }
  int requests() const { return requests_; }
  // The last value of a header, lower-case name, or "" when the last request had none.
  std::string header(const std::string& name);

 private:
  void accept_loop();
  void serve(int socket);

  std::string name_;
  int status_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::map<std::string, std::string> headers_;  // guarded by mutex_
  std::vector<std::thread> connections_;        // guarded by mutex_
  std::thread acceptor_;
};

// A folder with run/edge.ring and run/health.table, and nginx in it once start() was called.
class Nginx {
 public:
  explicit Nginx(ring::Options options = {.ring_count = 8, .ring_bytes = 1 << 20});
  ~Nginx();

  const ring::TestFolder& folder() const { return folder_; }
  int port() const { return port_; }
  int tls_port() const { return tls_port_; }
  ring::Reader& reader() { return *reader_; }

  // Workers stay root, where the tests are: they write and read files of the folder.
  void keep_user() { main_lines_ = "user root;\n"; }
  // `http` goes into http{}; "@PORT@" and "@TLS@" in it become the ports.
  void configure(const std::string& http, int workers = 1);
  // What `nginx -t` says about the configuration; empty when it is fine.
  std::string check();
  void start();
  void reload();
  pid_t master() const { return master_; }
  std::vector<pid_t> workers() const;
  // With SIGKILL, the master last; start() may follow.
  void kill_all();

  // Waits for `count` records and returns them; each is committed.
  std::vector<ring::EdgeRecord> records(std::size_t count);
  ring::EdgeRecord record() { return records(1).at(0); }
  // Audit records of the firewall that came before the records asked for so far.
  std::vector<std::string> take_events() { return std::exchange(events_, {}); }

 private:
  void stop();

  ring::TestFolder folder_{"nginx"};
  std::string main_lines_;
  int port_ = 0;
  int tls_port_ = 0;
  std::unique_ptr<ring::Reader> reader_;
  std::vector<std::unique_ptr<std::string>> payloads_;  // records point into these
  std::vector<std::string> events_;
  pid_t master_ = -1;
};

// Writes a bundle named after its rules, and run/waf/policies.json.
void put_policies(const Nginx& nginx, const std::string& rules, const std::vector<policy::PolicyText>& policies);
// run/waf.table, which the core makes before nginx starts.
void put_table(const Nginx& nginx);

}  // namespace ringwall::edge_module
