// What an admin asks and orders about clusters of alike messages, over HTTP.
#pragma once

#include <functional>

#include "filters/base/clock.h"
#include "filters/bulk/index.h"
#include "proxy/ops/http.h"

namespace postern::ops {

/// GET /api/bulk[?at_least=N][&most=N]: {"clusters": [{...}, ...], "limit": N, "more": false}; by default those that
/// reached the limit, the first 100 (1000 at most; more: there are others); with at_least=2 all, and those too that are
/// allowed and have no message left in the window. GET /api/bulk/CLUSTER: {...}. POST and DELETE
/// /api/bulk/CLUSTER/allow: {...} as it is then. Times are seconds since 1970, texts untrusted. 404 says in words that
/// there is no such cluster. All outlive the server. `allow`: carries out an admin's word, here and at other gateways;
/// false: too many are allowed already.
void add_bulk_routes(HttpServer& server, const bulk::Index& index, const Clock& clock,
                     std::function<bool(const bulk::Allowed&)> allow);

/// The same routes where nobody counts ([bulk] store = "off"): 404 that says so.
void add_no_bulk_routes(HttpServer& server);

}  // namespace postern::ops
