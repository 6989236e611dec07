/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Included before every file: where wasi-libc has another form of what glibc has. */

#include <string.h>

#define strerror_r(num, text, text_len) \
    ((void)(text), (void)(text_len), strerror(num)) /* banned-ok: one thread, and GNU's form */
