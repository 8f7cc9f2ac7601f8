// What of zstd the binary leaves out: half of it. We compress at level 1, whose one strategy is
// "fast", and write today's format. Where zstd's code would go on to another strategy, or to a
// format from before 0.8, it finds the functions of this file, and the linker has no reason to take
// the library's: 360 KB less.
//
// Linked as an object, in front of the library. Should a libzstd be laid out in another way, one of
// the objects left out comes in all the same and defines a name a second time: the link fails, and
// this list is to be made again. Of functions that are never called only the names matter.
#include <zstd.h>
#include <zstd_errors.h>

#include <cstddef>

#include "base/check.h"

namespace {

// What zstd answers to an old format when it was built without them.
constexpr std::size_t kUnknownFormat = 0 - std::size_t{ZSTD_error_prefix_unknown};

}  // namespace

// --- strategies: only our own code chooses one, so to get here is our mistake ---

#define PAWL_ZSTD_LEFT_OUT(name) \
  extern "C" void name();        \
  extern "C" void name() { ::pawl::check_failed(__FILE__, __LINE__, #name " is left out"); }

// Levels 2 to 4.
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_doubleFast)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_doubleFast_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_doubleFast_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_fillDoubleHashTable)
// Levels 5 to 15.
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btlazy2)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btlazy2_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btlazy2_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_dedicatedDictSearch)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_dedicatedDictSearch_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_dictMatchState_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_extDict_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_greedy_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_dedicatedDictSearch)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_dedicatedDictSearch_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_dictMatchState_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_extDict_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy2_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_dedicatedDictSearch)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_dedicatedDictSearch_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_dictMatchState_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_extDict_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_lazy_row)
PAWL_ZSTD_LEFT_OUT(ZSTD_dedicatedDictSearch_lazy_loadDictionary)
PAWL_ZSTD_LEFT_OUT(ZSTD_insertAndFindFirstIndex)
PAWL_ZSTD_LEFT_OUT(ZSTD_row_update)
// Levels 16 to 22.
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btopt)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btopt_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btopt_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btultra)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btultra2)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btultra_dictMatchState)
PAWL_ZSTD_LEFT_OUT(ZSTD_compressBlock_btultra_extDict)
PAWL_ZSTD_LEFT_OUT(ZSTD_updateTree)
// Training without COVER.
PAWL_ZSTD_LEFT_OUT(divsufsort)

// --- formats before 0.8: whoever wrote a frame chose its first bytes, so these answer ---

#define PAWL_ZSTD_OLD_FORMAT(version)                                                           \
  extern "C" void* ZSTDv0##version##_createDCtx();                                              \
  extern "C" void* ZSTDv0##version##_createDCtx() { return nullptr; }                           \
  extern "C" std::size_t ZSTDv0##version##_freeDCtx();                                          \
  extern "C" std::size_t ZSTDv0##version##_freeDCtx() { return 0; }                             \
  extern "C" std::size_t ZSTDv0##version##_getFrameParams();                                    \
  extern "C" std::size_t ZSTDv0##version##_getFrameParams() { return kUnknownFormat; }          \
  extern "C" std::size_t ZSTDv0##version##_decompress_usingDict();                              \
  extern "C" std::size_t ZSTDv0##version##_decompress_usingDict() { return kUnknownFormat; }    \
  extern "C" void ZSTDv0##version##_findFrameSizeInfoLegacy(const void*, std::size_t,           \
                                                            std::size_t*, unsigned long long*); \
  extern "C" void ZSTDv0##version##_findFrameSizeInfoLegacy(                                    \
      const void*, std::size_t, std::size_t* stored_bytes, unsigned long long* raw_bytes_max) { \
    *stored_bytes = kUnknownFormat;                                                             \
    *raw_bytes_max = ZSTD_CONTENTSIZE_ERROR;                                                    \
  }                                                                                             \
  PAWL_ZSTD_LEFT_OUT(ZBUFFv0##version##_createDCtx)                                             \
  PAWL_ZSTD_LEFT_OUT(ZBUFFv0##version##_freeDCtx)                                               \
  PAWL_ZSTD_LEFT_OUT(ZBUFFv0##version##_decompressInitDictionary)                               \
  PAWL_ZSTD_LEFT_OUT(ZBUFFv0##version##_decompressContinue)

// The ZBUFF functions are of streams, which we do not read.
PAWL_ZSTD_OLD_FORMAT(5)
PAWL_ZSTD_OLD_FORMAT(6)
PAWL_ZSTD_OLD_FORMAT(7)
