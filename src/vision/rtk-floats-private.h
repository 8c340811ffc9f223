/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* The bytes of a pixel as four floats that are worked on at once. GCC's and Clang's vectors: one
 * register on every machine that has some, and the same numbers on those that have none. */

G_BEGIN_DECLS

typedef guint8  RtkBytes __attribute__ ((vector_size (16)));
typedef guint16 RtkWords __attribute__ ((vector_size (16)));
typedef gint32  RtkInts __attribute__ ((vector_size (16)));
typedef float   RtkFloats __attribute__ ((vector_size (16)));

/* Four bytes, the first in the lowest bits. Two steps of interleaving with zeros: told to convert
 * at once, GCC 12 takes every byte by itself. */
static inline RtkFloats
rtk_floats_from_bytes (guint32 bytes)
{
  RtkWords words =
      (RtkWords)__builtin_shufflevector ((RtkBytes)(RtkInts){(gint32)bytes}, (RtkBytes){0}, 0, 16,
                                         1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  RtkInts ints = (RtkInts)__builtin_shufflevector (words, (RtkWords){0}, 0, 8, 1, 9, 2, 10, 3, 11);

  return __builtin_convertvector(ints, RtkFloats);
}

/* Four bytes from @bytes on. */
static inline RtkFloats
rtk_floats_load (const guint8 *bytes)
{
  guint32 all;

  memcpy (&all, bytes, sizeof all);
  return rtk_floats_from_bytes (GUINT32_FROM_LE (all));
}

static inline RtkFloats
rtk_floats_min (RtkFloats a, RtkFloats b)
{
  RtkInts less = a < b;

  return (RtkFloats)((less & (RtkInts)a) | (~less & (RtkInts)b));
}

static inline RtkFloats
rtk_floats_max (RtkFloats a, RtkFloats b)
{
  return -rtk_floats_min (-a, -b);
}

/* Of the first three. */
static inline float
rtk_floats_dot (RtkFloats a, RtkFloats b)
{
  RtkFloats product = a * b;

  return product[0] + product[1] + product[2];
}

G_END_DECLS
