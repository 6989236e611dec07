/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Container images that travel with an app: an OCI image layout on disk becomes
 * a docker-archive, which the guest streams to dockerd. Every blob is held
 * against its digest while it is copied.
 */

#include "base/err.h"

/*
 * in:   layout  directory with index.json and blobs/sha256/
 *       name    what compose calls the image: "hello:latest"
 *       path    replaced
 * err:  FORMAT    cli.oci_invalid: which file says what it should not
 *       NOTFOUND, SYS
 */
DS_MUST_USE int oci_archive_make(const char *layout, const char *name, const char *path,
                                 struct ds_error *e);
