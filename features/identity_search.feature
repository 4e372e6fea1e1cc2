Feature: A clerk finds somebody by what is known of them
  Names are written in many ways. What is stored and what is sought are folded by one rule, so that both meet.

  Background:
    Given CHB knows these people:
      | number | family        | given       | used name |
      | 1      | DUPONT        | Anne        |           |
      | 2      | DUPOND        | Anne        |           |
      | 3      | LE GOFF       | Jean-Pierre | CŒUR      |
      | 4      | MARTIN-DUPONT | Paul        |           |
      | 5      | ИВАНОВ        | Анна        |           |

  Rule: A family name is found by how it, or a later word of it, begins; a used name too

    @live
    Scenario Outline: Accents, ligatures, hyphens and blanks do not count
      When a clerk seeks the family name <sought>
      Then these are found: <found>

      Examples:
        | sought        | found  |
        | dup           | 1 2 4  |
        | Dupónt        | 1 4    |
        | legoff        | 3      |
        | goff          | 3      |
        | cœur          | 3      |
        | COEUR         | 3      |
        | martin dupont | 4      |
        | pont          | nobody |

  Rule: By its sound a name is found in every spelling

    @live
    Scenario: It was said on the telephone
      When a clerk seeks what sounds like DUPONT
      Then these are found: 1 2 4

    Scenario: The given name narrows it
      When a clerk seeks what sounds like GOF, given name Pière
      Then these are found: 3

  Rule: A name of another script is found as it is written, and what is no name finds nobody

    @live
    Scenario: A name in Cyrillic
      When a clerk seeks the family name иван
      Then these are found: 5

    Scenario: Nobody of that name
      When a clerk seeks the family name петров
      Then these are found: nobody

    Scenario: Signs alone
      When a clerk seeks the family name --
      Then these are found: nobody
