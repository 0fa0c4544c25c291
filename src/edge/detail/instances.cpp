#include "edge/detail/instances.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <cstring>
#include <functional>
#include <memory>

#include "base/hash.h"
#include "edge/detail/address.h"

namespace ringwall::edge::detail {

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

void replace_in(ProcessSpec& process, std::string_view what, const std::string& with) {
  for (auto& part : process.command) replace_all(part, what, with);
  for (auto& [name, value] : process.environment) replace_all(value, what, with);
}

Check check_of(const declare::Service& service) {
  const auto& health = service.health;
  Check check;
  check.kind =
      health.path.empty() || service.protocol != declare::Protocol::kHttp ? CheckKind::kTcp : CheckKind::kHttp;
  check.path = health.path;
  check.interval = health.interval;
  check.timeout = health.timeout;
  check.healthy_after = static_cast<unsigned>(health.healthy_after);
  check.unhealthy_after = static_cast<unsigned>(health.unhealthy_after);
  check.status_min = health.status_min;
  check.status_max = health.status_max;
  return check;
}

// nginx would make one peer of every address of a name; one slot of health needs exactly one.
Result<std::string> literal(const std::string& text) {
  const auto address = parse_address(text);
  if (address.ok()) return address->text();
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return address.error();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(text.substr(0, colon).c_str(), text.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return fail(Errc::kNotFound, fmt::format("'{}': {}", text, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  Address first;
  std::memcpy(&first.storage, list->ai_addr, list->ai_addrlen);
  first.size = list->ai_addrlen;
  return first.text();
}

}  // namespace

std::string absolute_path(const std::string& path, const std::string& base) {
  return path.empty() ? base : path.front() == '/' ? path : base + "/" + path;
}

void with_port(Instance& instance, std::uint16_t port) {
  instance.address = fmt::format("127.0.0.1:{}", port);
  instance.process.port = port;
  const auto text = fmt::format("{}", port);
  replace_in(instance.process, "{port}", text);
  instance.process.environment.try_emplace("PORT", text);
}

Result<std::vector<Instance>> instances_of(const declare::Declaration& declaration,
                                           const InstancePaths& paths) {
  std::vector<Instance> out;
  for (std::size_t s = 0; s < declaration.services.size(); ++s) {
    const auto& service = declaration.services[s];
    const auto place = fmt::format("services[{}]", s);
    Instance base;
    base.service = service.name;
    base.check = check_of(service);
    for (std::size_t a = 0; a < service.addresses.size(); ++a) {
      auto instance = base;
      instance.address = RW_TRY_CTX(fmt::format("{}.addresses[{}]", place, a), literal(service.addresses[a]));
      instance.name = fmt::format("{}/{}", service.name, instance.address);
      instance.index = static_cast<int>(a);
      out.push_back(std::move(instance));
    }
    if (service.command.empty()) continue;
    if (service.count < 0 || service.count > kInstancesPerServiceMax) {
      return fail(Errc::kLimit, fmt::format("{}.count: {} is not within 0 and {}", place, service.count,
                                            kInstancesPerServiceMax));
    }
    for (int i = 0; i < service.count; ++i) {
      auto instance = base;
      instance.local = true;
      instance.index = i;
      auto& process = instance.process;
      process.command = service.command;
      process.environment = service.env;
      process.user = service.user;
      process.working_directory = absolute_path(service.working_directory, paths.base);
      process.output = fmt::format("{}/{}-{}.log", paths.logs, service.name, i);
      process.stop_timeout = service.stop_timeout;
      // The name is made of what was declared, before ports are known.
      const auto mark = spec_hash(process) + fmt::format(":{}", service.port);
      replace_in(process, "{index}", fmt::format("{}", i));
      instance.name =
          fmt::format("{}/{}:{:08x}", service.name, i, static_cast<std::uint32_t>(base::hash64(mark)));
      process.name = instance.name;
      if (service.port != 0) with_port(instance, static_cast<std::uint16_t>(service.port + i));
      out.push_back(std::move(instance));
    }
  }
  return out;
}

Result<std::vector<std::size_t>> start_order(const std::vector<declare::Service>& services) {
  std::vector<std::size_t> order;
  std::vector<int> seen(services.size(), 0);  // 1: its dependencies are being placed, 2: placed
  std::function<Result<void>(std::size_t)> place = [&](std::size_t index) -> Result<void> {
    if (seen[index] == 2) return {};
    if (seen[index] == 1)
      return fail(Errc::kInvalid,
                  fmt::format("services[{}].depends_on: '{}' depends on itself", index, services[index].name));
    seen[index] = 1;
    for (const auto& name : services[index].depends_on) {
      for (std::size_t i = 0; i < services.size(); ++i) {
        if (services[i].name == name) RW_TRY(place(i));
      }
    }
    seen[index] = 2;
    order.push_back(index);
    return {};
  };
  for (std::size_t i = 0; i < services.size(); ++i) RW_TRY(place(i));
  return order;
}

}  // namespace ringwall::edge::detail
