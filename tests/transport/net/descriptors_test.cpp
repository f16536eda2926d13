#include <utility>

#include "net/descriptors.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

using namespace troupe::transport;

namespace {

/// Restores the process's limit at the end.
struct limit_scope {
  limit_scope() { ::getrlimit(RLIMIT_NOFILE, &before); }
  ~limit_scope() { ::setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

} // namespace

TEST_CASE(
  "the last descriptors are shared by probes, the admin port, and log and files, in this order") {
  for (std::size_t limit : {64u, 256u, 1024u, 20'000u, 1'048'576u}) {
    auto shares = share_descriptors(limit, {});
    INFO(limit);
    CHECK(shares.pending == std::min<std::size_t>(limit / 2, 16'384));
    CHECK(shares.scarce_from < shares.shut_from);
    CHECK(shares.shut_from < shares.admin_shut_from);
    CHECK(shares.admin_shut_from < static_cast<int>(limit));
    CHECK(shares.scarce_from >= static_cast<int>(limit - limit / 8));
    CHECK(shares.scarce_from >= static_cast<int>(limit) - 64);
  }
}

TEST_CASE("no descriptor is reserved if that is asked for or cannot be") {
  for (auto shares : {share_descriptors(1024, 0), share_descriptors(0, {}),
                      share_descriptors(0, 16), share_descriptors(16, 16)}) {
    CHECK(shares.scarce_from == descriptor_shares::none);
    CHECK(shares.shut_from == descriptor_shares::none);
    CHECK(shares.admin_shut_from == descriptor_shares::none);
  }
  CHECK(share_descriptors(1024, 100).scarce_from == 924);
  CHECK(share_descriptors(0, {}).pending == 16'384);
}

TEST_CASE(
  "a server that is to reserve as many descriptors as it may open, or more, says so at its start") {
  limit_scope scope;
  rlimit low{256, scope.before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  auto with = [](std::size_t reserved) {
    troupe::server_options options;
    options.log = &troupe::protocol::null_logger();
    options.reserved_descriptors = reserved;
    return options;
  };

  CHECK_THROWS_WITH(troupe::server{with(256)},
                    "server_options.reserved_descriptors is 256: expected fewer than the 256 that "
                    "this process may open");
  CHECK_THROWS_AS(troupe::server{with(5000)}, std::invalid_argument);
  CHECK_NOTHROW(troupe::server{with(255)});
  auto raised = with(256);
  raised.raise_descriptor_limit = true; // the limit rises first, if the hard limit allows
  if (scope.before.rlim_max > 256)
    CHECK_NOTHROW(troupe::server{raised});
}

TEST_CASE("the soft limit rises to the hard one, or to what is asked, and never falls") {
  limit_scope scope;
  rlimit low{64, scope.before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);

  raise_descriptor_limit(100);
  CHECK(descriptor_limit() == 100);
  raise_descriptor_limit(80);
  CHECK(descriptor_limit() == 100);
  raise_descriptor_limit(scope.before.rlim_max);

  CHECK(descriptor_limit() == scope.before.rlim_max);
}

TEST_CASE("descriptors are in use below a number if none of them is free") {
  std::vector<int> taken;
  while (taken.empty() || taken.back() < 40)
    taken.push_back(::dup(0));
  CHECK(are_in_use_below(40, 0));

  auto freed = taken.front();
  ::close(freed);
  CHECK_FALSE(are_in_use_below(40, 0));
  CHECK(are_in_use_below(freed, 0));

  for (std::size_t i = 1; i < taken.size(); ++i)
    ::close(taken[i]);
}
