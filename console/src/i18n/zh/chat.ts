import type { chat as en } from '../en/chat';
import type { WordsOf } from '../words';

export const chat: WordsOf<typeof en> = {
    'chat.title': '对话',
    'chat.empty': '问点什么。回答会随引擎的生成逐字显示。',
    'chat.placeholder': '消息',
    'chat.send': '发送',
    'chat.again': '重新回答',
    'chat.clear': '新对话',
    'chat.system': '系统提示',
    'chat.system_hint': '你是一个乐于助人的助手。',
    'chat.user': '你',
    'chat.assistant': '回答',
    'chat.first': '首个词元 {time}',
    'chat.total': '共 {time}',
    'chat.prompt_tokens': '提示 {n} 个词元',
    'chat.tokens': '生成 {n} 个词元',
    'chat.stopped': '已停止',
    'chat.length': '达到 max_tokens',
    'chat.calls': '函数调用',
    'chat.edit': '编辑此消息',
    'chat.edit_hint': '其后的内容将重新生成。',
    'chat.more': '另外 {n} 个参数',
    'chat.defaults': '恢复默认',
};
