/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-reason.h"

/**
 * Words:
 * @title_zh_cn: as the window shows it (po/zh_CN.po)
 * @message: by #RtkLanguage: the sentence a graduate gets, with what to do about it
 */
typedef struct {
  const char *title_zh_cn;
  const char *message[RTK_N_LANGUAGES];
} Words;

static const Words words[RTK_N_REASONS] = {
    [RTK_REASON_EYES_CLOSED] = {"闭眼",
                                {"Your eyes are closed or half closed: keep both eyes open.",
                                 "照片中眼睛闭合或未完全睁开，请自然睁开双眼后重拍。"}},
    [RTK_REASON_GAZE] = {"未看镜头",
                         {"You are not looking at the lens: look straight into it.",
                          "视线没有看向镜头，请正视镜头后重拍。"}},
    [RTK_REASON_POSE] = {"头部不正",
                         {"Your head is turned or tilted: face the camera upright.",
                          "头部有转动、歪斜或俯仰，请摆正头部、正对镜头后重拍。"}},
    [RTK_REASON_SHOULDERS] = {"肩膀不平",
                              {"Your shoulders are not level: sit straight and keep them level.",
                               "双肩不在同一高度，请坐正、放平双肩后重拍。"}},
    [RTK_REASON_EXPRESSION] = {"露齿或表情不自然",
                               {"Teeth show or the expression is not neutral: close your mouth and"
                                " relax.",
                                "露齿或表情不自然，请闭合双唇、表情自然后重拍。"}},
    [RTK_REASON_HAIR] = {"头发遮挡",
                         {"Hair covers your brows, eyes or face: comb it aside.",
                          "头发遮挡了眉毛、眼睛或面部，请将头发梳到一侧后重拍。"}},
    [RTK_REASON_EARS] = {"耳朵未露或不对称",
                         {"Your ears are hidden or not shown alike: put the hair behind both ears.",
                          "耳朵未露出或左右不对称，请将头发别到两耳之后重拍。"}},
    [RTK_REASON_GLASSES] = {"眼镜反光或有色",
                            {"Your glasses reflect, are tinted or cover the eyes: take them off or"
                             " tilt them.",
                             "眼镜反光、镜片有色或镜框遮挡眼睛，请摘下眼镜或调整角度后重拍。"}},
    [RTK_REASON_HEADWEAR] = {"佩戴头饰或首饰",
                             {"You wear something on the head or jewellery: take it off.",
                              "佩戴了帽子、头饰或首饰，请取下后重拍。"}},
    [RTK_REASON_SIDE_LIGHT] = {"阴阳脸",
                               {"One side of your face is darker: have light from the front.",
                                "面部左右明暗不一，请让光线从正面均匀照射后重拍。"}},
    [RTK_REASON_HIGHLIGHT] = {"高光",
                              {"Your face has a bright spot: move the lamp or wipe the skin dry.",
                               "面部有反光亮斑，请避开强光或擦去面部油光后重拍。"}},
    [RTK_REASON_EXPOSURE] = {"过暗或过曝",
                             {"The picture is too dark or too bright: choose even, bright light.",
                              "照片过暗或过亮，请在明亮均匀的光线下重拍。"}},
    [RTK_REASON_BLUR] = {"模糊",
                         {"The picture is not sharp: hold the camera still and clean its lens.",
                          "照片不清晰，请擦净镜头、持稳设备后重拍。"}},
    [RTK_REASON_BACKGROUND] = {"背景不合格",
                               {"The background is not plain: stand before a plain wall.",
                                "背景不纯净或有阴影，请在纯色墙面前重拍。"}},
    [RTK_REASON_CLOTHES] = {"衣着与背景相近或条纹",
                            {"Your clothes are striped or of the background's colour: wear plain"
                             " dark ones.",
                             "衣服有条纹或与背景颜色相近，请换穿深色素色有领上衣后重拍。"}},
    [RTK_REASON_GEOMETRY] =
        {"头部位置或大小不符",
         {"Your head is at the wrong place or of the wrong size in the picture.",
          "头部在照片中的位置或大小不符合要求，请按提示框重拍。"}},
    [RTK_REASON_RETOUCHED] = {"过度修饰",
                              {"The picture was retouched: switch beauty filters off.",
                               "照片经过美颜或修图处理，请关闭美颜滤镜后重拍。"}},
    [RTK_REASON_REPHOTOGRAPHED] = {"翻拍",
                                   {"This is a picture of a picture or a screen: have yourself"
                                    " photographed.",
                                    "照片为翻拍的照片或屏幕画面，请本人现场拍摄。"}},
    [RTK_REASON_NOT_SAME_PERSON] = {"非本人",
                                    {"The picture does not seem to show you: come in person.",
                                     "照片与本人不符，请由本人拍摄。"}},
    [RTK_REASON_OTHER] = {"其他",
                          {"The picture cannot be used for another reason: see the note.",
                           "照片因其他原因未通过审核，请查看说明后重拍。"}},
};

/**
 * rtk_reason_get_title_in:
 * @reason: a reason
 * @language: a language
 *
 * Gives the short name of a reason without gettext. Any thread.
 *
 * Returns: (transfer none): the title
 */
const char *
rtk_reason_get_title_in (RtkReason reason, RtkLanguage language)
{
  g_return_val_if_fail ((guint)reason < RTK_N_REASONS, NULL);
  return language == RTK_LANGUAGE_ZH_CN ? words[reason].title_zh_cn : rtk_reason_get_title (reason);
}

/**
 * rtk_reason_get_message:
 * @reason: a reason
 * @language: a language
 *
 * Gives the sentence that tells a graduate of this reason what is wrong and what to do. Any thread.
 *
 * Returns: (transfer none): one sentence
 */
const char *
rtk_reason_get_message (RtkReason reason, RtkLanguage language)
{
  g_return_val_if_fail ((guint)reason < RTK_N_REASONS, NULL);
  g_return_val_if_fail ((guint)language < RTK_N_LANGUAGES, NULL);
  return words[reason].message[language];
}
