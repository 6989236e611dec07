/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which images of a compose document may run: those on measured volumes and
 * those named by digest. The guest decides by this rule; `dstack up` tells by it
 * before a VM is launched.
 */

#include "app/compose.h"
#include "codec/json.h"

/* Why a service may not run. Spans borrow the document. */
struct app_image_fault {
    struct ds_span service; /* its name; empty: the document as a whole */
    const char *key;        /* "image", "build", ... */
    const char *expected;
    struct ds_span got;
};

/* The image travels on a measured volume. */
bool app_image_is_on_volume(struct ds_span image, const struct app_compose *app);
/* "name@sha256:<64 hex digits>" names content; a tag names whatever a registry says today. */
bool app_image_is_by_digest(struct ds_span image);

/*
 * The first service whose image is not fixed; false when all may run.
 *
 * in:   compose  the document; what is no service is not looked at
 *       app      image_volumes and allow_tags count
 */
bool app_images_find_fault(struct app_image_fault *ret, const struct ds_json_tok *compose,
                           const struct app_compose *app);
