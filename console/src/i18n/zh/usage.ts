import type { usage as en } from '../en/usage';
import type { WordsOf } from '../words';

export const usage: WordsOf<typeof en> = {
    'usage.jobs': '任务',
    'usage.failed': '失败',
    'usage.run': '运行时间',
    'usage.prompt_tokens': '提示词元',
    'usage.cached_tokens': '缓存词元',
    'usage.tokens': '生成词元',
    'usage.all_tokens': '词元',
    'usage.bytes': '输入与输出字节',
    'usage.by': '分组',
    'usage.by_model': '模型',
    'usage.by_app': '应用',
    'usage.by_key': '密钥',
    'usage.by_day': '日期（UTC）',
    'usage.day': '24 小时',
    'usage.show': '显示',
    'usage.per_day': '每天',
    'usage.per_hour': '每小时',
    'usage.plot': '{what}随时间的变化，最多 {most}',
    'usage.again': '重新读取',
    'usage.cut': '数据超出一次汇总的上限：只统计了 {n} 条记录。请选择更短的时间。',
    'usage.none': '这段时间内没有结束的任务。',
    'usage.failed_load': '无法显示用量',
    'usage.failed_hint': 'caller 角色的密钥只能看到自己的任务和试验场；用量页需要 viewer 或更高角色。',
};
