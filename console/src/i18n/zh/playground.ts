import type { playground as en } from '../en/playground';
import type { WordsOf } from '../words';

export const playground: WordsOf<typeof en> = {
    'picker.title': '能力',
    'picker.search': '搜索',
    'picker.open': '选择能力',
    'picker.none': '没有匹配项。',
    'picker.version': '版本',
    'picker.session': '会话：输入与输出都是流',
    'picker.failed': '无法列出能力',
    'picker.gone': '无法显示 {name}',
    'picker.gone_hint': '它可能已被移除，或你的密钥无权使用。',
    'picker.empty': '还没有发布能力。创建一个并提供服务：',

    'history.title': '此浏览器的运行记录',
    'history.clear': '清空',
    'history.again': '再次运行',

    'media.choose': '选择文件',
    'media.drop': '或拖到这里',
    'media.record': '录音',
    'media.stop': '停止',
    'media.recording': 'recording.wav',
    'media.remove': '移除 {name}',
    'media.no_microphone': '无法使用麦克风',
    'media.insecure': '浏览器只允许 HTTPS 页面或本机页面使用它',

    'live.start': '实时说话',
    'live.title': '实时麦克风',
    'live.listening': '正在聆听',
    'live.finish': '结束',

    'result.title': '结果',
    'result.empty': '结果将显示在这里。',
    'result.job': '查看任务',
    'result.usage': '用量',

    'phase.idle': '未运行',
    'phase.uploading': '上传中',
    'phase.waiting': '等待中',
    'phase.running': '运行中',
    'phase.done': '完成',
    'phase.failed': '失败',
    'phase.stopped': '已停止',

    'timing.queue': '排队',
    'timing.first': '首个输出',
    'timing.total': '总计',
    'timing.tokens': '词元',
    'timing.rate': '词元/秒',

    'code.title': '代码',
    'code.unfinished': '补全上面的 JSON 即可看到调用。',
};
