/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pages of the verifier: one table of routes, which is also the documents'.
 */

#include "verifier/verifier.h"

/* Fill v->service for the documents. */
DS_MUST_USE int verifier_api_init(struct verifier *v, struct ds_error *e);
/* Answer a request, now or later; a net_http_handler_fn with struct verifier as arg. */
void verifier_api_serve(void *arg, struct net_http_request *req);
