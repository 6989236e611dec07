/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The method tables: one for guests and the world over TLS, one for the
 * administrator on a unix socket.
 */

#include "kms/kms.h"

DS_MUST_USE int kms_api_init(struct kms *kms, struct ds_error *e);
