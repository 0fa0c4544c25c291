#include "edge/firewall.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/world.h"
#include "edge/detail/test_support.h"

namespace ringwall::edge {

namespace {

// What a place sets of what is about exclusions, in the order of the names.
std::string exclusions_of(const policy::PolicyText& place) {
  std::string out;
  for (const auto& [name, value] : place.tx) {
    if (name.find("exclusions") != std::string::npos) out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  }
  return out;
}

// A rule set with these files, each with one rule that does nothing.
void write_rule_set(const std::string& folder, const std::vector<std::string>& files) {
  int id = 0;
  for (const auto& file : files) {
    REQUIRE(base::real_files().make_directories(folder + "/" + file.substr(0, file.find('/'))).ok());
    REQUIRE(base::real_files().write_atomic(folder + "/" + file, fmt::format("SecAction \"id:{},phase:1,pass,nolog\"\n", ++id)).ok());
  }
  REQUIRE(base::real_files().write_atomic(folder + "/crs-setup.conf", "SecComponentSignature \"test\"\n").ok());
}

}  // namespace

TEST_CASE("firewall: an application has its exclusions where it is named and nowhere else") {
  test::Folder folder;
  write_rule_set(folder.path + "/3", {"rules/REQUEST-903.9002-WORDPRESS-EXCLUSION-RULES.conf", "rules/REQUEST-920-PROTOCOL-ENFORCEMENT.conf"});
  write_rule_set(folder.path + "/4", {"rules/REQUEST-920-PROTOCOL-ENFORCEMENT.conf", "plugins/wordpress-rule-exclusions-before.conf"});
  declare::Declaration declaration;
  declaration.waf.mode = "block";
  declaration.edge.hosts = {{.names = {"one"}, .routes = {{.path = "/"}, {.path = "/blog/"}}}};
  auto& blog = declaration.edge.hosts[0].routes[1].waf;
  for (const std::string version : {"3", "4"}) {
    CAPTURE(version);
    declaration.waf.core_rule_set = version;
    const auto made = [&] {
      auto plan = firewall_plan(declaration, folder.path);
      REQUIRE_MESSAGE(plan.ok(), plan.error().message);
      return std::move(*plan);
    };

    declaration.waf.applications = {"wordpress"};
    blog = {};
    auto plan = made();
    for (const auto& place : plan.policies.policies) CHECK(exclusions_of(place) == "wordpress-rule-exclusions-plugin_enabled=1 crs_exclusions_wordpress=1");

    declaration.waf.applications = {};
    blog.applications = {"wordpress"};
    plan = made();
    REQUIRE(plan.policies.policies.size() == 2);
    CHECK(exclusions_of(plan.policies.policies[0]) == "wordpress-rule-exclusions-plugin_enabled=0");
    CHECK(exclusions_of(plan.policies.policies[1]) == "wordpress-rule-exclusions-plugin_enabled=1 crs_exclusions_wordpress=1");

    // Settings have the last word.
    blog.settings = {{"crs_exclusions_wordpress", "0"}};
    plan = made();
    CHECK(exclusions_of(plan.policies.policies[1]) == "wordpress-rule-exclusions-plugin_enabled=1 crs_exclusions_wordpress=0");

    blog = {};
    plan = made();
    CHECK(exclusions_of(plan.policies.policies[0]).empty());
  }
}

TEST_CASE("firewall: exclusions that the rule set does not have are missed at once, with what to do") {
  test::Folder folder;
  write_rule_set(folder.path + "/3", {"rules/REQUEST-903.9002-WORDPRESS-EXCLUSION-RULES.conf"});
  write_rule_set(folder.path + "/4", {"rules/REQUEST-920-PROTOCOL-ENFORCEMENT.conf", "plugins/wordpress-rule-exclusions-before.conf"});
  declare::Declaration declaration;
  declaration.waf.mode = "block";
  declaration.waf.applications = {"nextcloud"};
  declaration.edge.hosts = {{.names = {"one"}, .routes = {{.path = "/"}}}};
  const auto said = [&](const std::string& version) {
    declaration.waf.core_rule_set = version;
    const auto plan = firewall_plan(declaration, folder.path);
    REQUIRE(!plan.ok());
    auto message = plan.error().message;
    const auto at = message.find(folder.path);
    if (at != std::string::npos) message.replace(at, folder.path.size(), "");
    return message + "; " + plan.error().hint;
  };
  CHECK(said("3") == "waf.applications: the core rule set in /3 has no exclusions for nextcloud; name what they are about in waf.exclusions; `ringwall waf tune` proposes them");
  CHECK(said("4") ==
        "waf.applications: the core rule set in /4 has no exclusions for nextcloud; put nextcloud-rule-exclusions-*.conf of https://github.com/coreruleset/nextcloud-rule-exclusions-plugin into its folder plugins/");
  CHECK(said("") == "waf.applications: the exclusions for nextcloud are the core rule set's, and there is none; name waf.core_rule_set");
}

}  // namespace ringwall::edge
