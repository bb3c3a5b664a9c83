# bash completion for kubectl                                 -*- shell-script -*-

__start_kubectl()
{
    local cur=${COMP_WORDS[COMP_CWORD]}
    local out=$(kubectl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=( $(compgen -W "${out%:*}" -- "$cur") )
}

complete -o default -F __start_kubectl kubectl
